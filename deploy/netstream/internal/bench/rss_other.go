//go:build !linux

package main

// maxRSSUnit is the unit of ru_maxrss in bytes, as on macOS.
const maxRSSUnit = 1
