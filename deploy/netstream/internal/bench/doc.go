// Command bench measures the whole line, from a capture to rows that SQL can ask, beside other flow probes on the same
// capture in the same turn.
//
//	capture -> rounds of (netstream, peer, peer, …) -> a quarter of the capture -> a run with a CPU profile -> table
//
// It asserts nothing: it says what was measured, and under what conditions. README.md tells how to read it.
package main
