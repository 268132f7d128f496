package flows

// FIN/RST aging: a flow ends with the window in which one of its packets had FIN or RST (rule 5). Flags are those of TCP
// headers only, so the key has the 5-tuple wherever a flag is set.

const finOrRST = 0x01 | 0x04

func (t *Table[K]) finished(e *entry[K]) bool { return t.aging.FINRST && e.flags&finOrRST != 0 }
