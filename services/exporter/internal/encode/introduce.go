package encode

// introduce has the batch begin with an introduction, if one is wanted: the templates as they are at its first datagram, and
// the options. A collector that is new to the destination can read the batch then. Its sequence numbers lead up to the first datagram,
// as if it had always been there: datagrams count in version 9, and options in IPFIX.
func (e *templated) introduce(b *Batch) error {
	if !e.options.Introduce {
		return nil
	}
	b.Templates = e.set
	if !e.options.Once && e.due() {
		return nil // the first datagram has them
	}
	at := e.cursor
	for { // twice after Define, once from then on
		e.cursor = at
		e.cursor.Sequence -= e.ahead
		if err := e.templatesAlone(b); err != nil {
			return err
		}
		if e.cursor.Sequence == at.Sequence {
			break
		}
		e.ahead += e.cursor.Sequence - at.Sequence
		b.Reset()
		b.Templates = e.set
	}
	e.cursor = at
	b.introduced()
	return nil
}

// templatesAlone makes datagrams of the templates and options, if there are any.
func (e *templated) templatesAlone(b *Batch) error {
	if err := e.start(b); err != nil {
		return err
	}
	head := e.datagram.Len()
	if err := e.introduceAll(b); err != nil {
		return err
	}
	if e.datagram.Len() == head {
		e.open = false
	}
	e.finish(b)
	return nil
}
