package llama

import "strings"

// stopper looks for the texts that end a text. It holds back what may be the beginning
// of one.
type stopper struct {
	stops []string
	held  string
}

// add takes the next piece of the text, and whether it is the last, and returns what is
// certain to belong to the text and whether it ended.
func (s *stopper) add(piece string, last bool) (text string, stopped bool) {
	s.held += piece
	end := len(s.held)
	for _, stop := range s.stops {
		if i := strings.Index(s.held, stop); i >= 0 {
			end, stopped = min(end, i), true
		}
	}
	if stopped {
		return s.held[:end], true
	}
	if !last {
		for _, stop := range s.stops {
			for n := min(len(stop)-1, len(s.held)); n > 0; n-- {
				if strings.HasSuffix(s.held, stop[:n]) {
					end = min(end, len(s.held)-n)
					break
				}
			}
		}
	}
	text, s.held = s.held[:end], s.held[end:]
	return text, false
}
