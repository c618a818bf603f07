"""The OpenVINO backend: conversion, int8 quantisation, forward pass."""
