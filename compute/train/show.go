package train

// Piece is text of a sequence of which all is alike.
type Piece struct {
	Text    string `json:"text"`
	Learned bool   `json:"learned"`
	Control bool   `json:"control"` // a control token, such as the end of a turn
}

// Show returns the text of a sequence as the model has it, in pieces, for people to
// look at. A control token is a piece by itself; a character of several tokens
// belongs to the piece of the last.
func (e *Encoder) Show(s Sequence) []Piece {
	var pieces []Piece
	decoder := e.tok.NewDecoder(false)
	var text []byte
	add := func(learned, control bool) {
		if len(text) == 0 {
			return
		}
		if n := len(pieces); n > 0 && !control && !pieces[n-1].Control && pieces[n-1].Learned == learned {
			pieces[n-1].Text += string(text)
		} else {
			pieces = append(pieces, Piece{string(text), learned, control})
		}
		text = text[:0]
	}
	for i, id := range s.Tokens {
		text = decoder.Append(text, id)
		add(s.Learn[i], e.tok.IsSpecial(id))
	}
	text = decoder.Flush(text)
	add(len(s.Learn) > 0 && s.Learn[len(s.Learn)-1], false)
	return pieces
}
