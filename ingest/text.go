package ingest

// AppendText appends what a stored record says, all its texts in order with a
// line break after each: what comparing rows with one another, or with
// evaluation items, goes by.
func AppendText(dst, record []byte) ([]byte, error) {
	c, _, err := Normalise(record)
	if err != nil {
		return dst, err
	}
	if !c.IsConversation() {
		for _, text := range []string{c.Instruction, c.Input, c.Output} {
			dst = append(append(dst, text...), '\n')
		}
	}
	for _, turn := range c.Turns {
		dst = append(append(dst, turn.Content...), '\n')
	}
	return dst, nil
}
