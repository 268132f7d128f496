package main

// maxRSSUnit is the unit of ru_maxrss in bytes, getrusage(2).
const maxRSSUnit = 1 << 10
