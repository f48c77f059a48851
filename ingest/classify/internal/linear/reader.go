package linear

import "smelt/db/row"

// reader hands out the pieces of a row that are read, one after the other, each
// with the seed and the counters of its side.
type reader struct {
	scan   scan
	counts [sides]counts

	content *row.Content
	at      int        // piece or turn next
	tail    string     // end of an answer whose beginning was handed out
	left    [sides]int // bytes that may still be read
}

func newReader(c *row.Content) reader {
	return reader{content: c, left: [sides]int{maxAsked, maxAnswered}}
}

// next makes the next piece the one that r.scan reads.
func (r *reader) next() bool {
	if r.tail != "" {
		r.begin(answered, r.tail)
		r.tail = ""
		return true
	}
	if turns := r.content.Turns; turns != nil {
		for ; r.at < len(turns) && r.left[asked]+r.left[answered] > 0; r.at++ {
			t := &turns[r.at]
			side := asked
			if t.Role == row.Assistant {
				side = answered
			}
			if text := cut(t.Content, min(maxTurn, r.left[side])); text != "" {
				r.begin(side, text)
				r.at++
				return true
			}
		}
		return false
	}
	for r.at < 3 {
		r.at++
		switch r.at {
		case 1:
			r.begin(asked, cut(r.content.Instruction, maxAsked))
		case 2:
			r.begin(asked, cut(r.content.Input, r.left[asked]))
		case 3:
			text := r.content.Output
			if len(text) > maxAnswered {
				r.tail = text[len(text)-maxEnd:]
				text = text[:maxAnswered-maxEnd]
			}
			r.begin(answered, text)
		}
		if r.scan.text != "" {
			return true
		}
	}
	return false
}

func (r *reader) begin(side int, text string) {
	r.left[side] -= len(text)
	r.scan = scan{text: text, side: side}
}

// fill writes the next features of the piece to b; see scan.fill.
func (r *reader) fill(b *batch) int { return r.scan.fill(b, &r.counts[r.scan.side]) }

func cut(text string, n int) string { return text[:min(len(text), n)] }
