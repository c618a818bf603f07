"""OpenVINO: conversion, int8, and its forward pass."""
