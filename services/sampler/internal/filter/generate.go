package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// maxProgram is what the kernel takes.
const maxProgram = 4096

// generator writes a program. A jump is written before it is known how far it goes: its target is a label, and jumps are
// the long ones, of which a comparison needs two.
type generator struct {
	program []bpf.Instruction
	jumps   map[int]*label // by instruction
}

// label is a place in the program.
type label struct{ at int }

// generate makes the program of a condition.
func generate(n node, snapLen int) ([]bpf.Instruction, error) {
	g := generator{jumps: map[int]*label{}}
	yes, no := &label{}, &label{}
	g.write(n, yes, no)
	g.place(yes)
	g.program = append(g.program, bpf.RetConstant{Val: uint32(snapLen)})
	g.place(no)
	g.program = append(g.program, bpf.RetConstant{Val: 0})
	if len(g.program) > maxProgram {
		return nil, fmt.Errorf("a program of %d instructions, the kernel takes %d", len(g.program), maxProgram)
	}
	for i, l := range g.jumps {
		g.program[i] = bpf.Jump{Skip: uint32(l.at - i - 1)}
	}
	return g.program, nil
}

func (g *generator) place(l *label) { l.at = len(g.program) }

func (g *generator) jump(l *label) {
	g.jumps[len(g.program)] = l
	g.program = append(g.program, bpf.Jump{})
}

// write writes a condition that goes on at yes or no.
func (g *generator) write(n node, yes, no *label) {
	switch n := n.(type) {
	case always:
		g.jump(yes)
	case not:
		g.write(n.a, no, yes)
	case both:
		next := &label{}
		g.write(n.a, next, no)
		g.place(next)
		g.write(n.b, yes, no)
	case either:
		next := &label{}
		g.write(n.a, yes, next)
		g.place(next)
		g.write(n.b, yes, no)
	case test:
		g.test(n)
		g.jump(yes)
		g.jump(no)
	}
}

// test writes a comparison that passes over the next instruction if it doesn't hold.
func (g *generator) test(t test) {
	switch l := t.load; {
	case l.size == 0:
		g.program = append(g.program, bpf.LoadExtension{Num: bpf.ExtLen})
	case l.header >= 0:
		g.program = append(g.program, bpf.LoadMemShift{Off: uint32(l.header)}, bpf.LoadIndirect{Off: l.offset, Size: l.size})
	default:
		g.program = append(g.program, bpf.LoadAbsolute{Off: l.offset, Size: l.size})
	}
	if t.mask != 0 {
		g.program = append(g.program, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: t.mask})
	}
	cond := map[op]bpf.JumpTest{equal: bpf.JumpEqual, atLeast: bpf.JumpGreaterOrEqual, atMost: bpf.JumpLessOrEqual}[t.op]
	g.program = append(g.program, bpf.JumpIf{Cond: cond, Val: t.value, SkipFalse: 1})
}
