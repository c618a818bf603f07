# shellcheck shell=sh
# Nothing: it replaces what an earlier start has written.
