package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math"
	"strconv"

	"smelt/eval/tasks"
)

// key stands for a request to a model, or a row it is measured on.
type key [16]byte

const (
	keyDigits = 2 * len(key{})
	sumDigits = 8
	bodyStart = keyDigits + 1 + sumDigits + 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of a line's key and body.
func sum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

// ends are the letters for why a text ended.
var ends = []struct {
	letter byte
	end    tasks.End
}{{'e', tasks.EndOfText}, {'s', tasks.Stop}, {'l', tasks.TooLong}, {'-', ""}}

// appendLine appends the line of an answer.
func appendLine(line []byte, k key, kind tasks.Kind, a *tasks.Answer) ([]byte, error) {
	var body []byte
	if kind == tasks.LogLikelihood {
		if math.IsNaN(a.LogProb) {
			return line, errors.New("the model gave a log-probability that is not a number: its weights are damaged, or too large for the precision")
		}
		body = append(body, "L "...)
		if a.Greedy {
			body = append(body, 'g')
		}
		if a.Cut {
			body = append(body, 'c')
		}
		if !a.Greedy && !a.Cut {
			body = append(body, '-')
		}
		body = strconv.AppendFloat(append(body, ' '), a.LogProb, 'g', -1, 64)
	} else {
		body = append(body, "G "...)
		letter := byte(0)
		for _, e := range ends {
			if e.end == a.End {
				letter = e.letter
			}
		}
		if letter == 0 {
			return line, errors.New("the model gave a text that ended by " + strconv.Quote(string(a.End)))
		}
		body = append(body, letter)
		if a.Cut {
			body = append(body, 'c')
		}
		body = strconv.AppendQuote(append(body, ' '), a.Text)
	}
	return appendBody(line, k, body), nil
}

// appendRow appends the line of a row.
func appendRow(line []byte, k key, nats, textNats float64) ([]byte, error) {
	if math.IsNaN(nats) || math.IsNaN(textNats) {
		return line, errors.New("the model's loss on a row is not a number: its weights are damaged, or too large for the precision")
	}
	body := strconv.AppendFloat([]byte("R "), nats, 'g', -1, 64)
	return appendBody(line, k, strconv.AppendFloat(append(body, ' '), textNats, 'g', -1, 64)), nil
}

func appendBody(line []byte, k key, body []byte) []byte {
	start := len(line)
	line = hex.AppendEncode(line, k[:])
	crc := sum(line[start:], body)
	line = append(line, ' ')
	line = hex.AppendEncode(line, []byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
	line = append(append(line, ' '), body...)
	return append(line, '\n')
}

// known is an answer in memory, where there may be a million, or what is known of a row.
type known struct {
	logProb float64  // of a row, the loss, in nats
	text    *string  // of a generated one
	row     *float64 // of a row, the loss less that of the ends
	end     tasks.End
	greedy  bool
	cut     bool
}

func (n *known) answer() tasks.Answer {
	a := tasks.Answer{LogProb: n.logProb, Greedy: n.greedy, Cut: n.cut, End: n.end}
	if n.text != nil {
		a.Text = *n.text
	}
	return a
}

// parseLine reads a line without its break. It is not ok if the line is damaged.
func parseLine(line []byte) (k key, n known, ok bool) {
	if len(line) <= bodyStart || line[keyDigits] != ' ' || line[bodyStart-1] != ' ' {
		return k, n, false
	}
	var crc [4]byte
	if _, err := hex.Decode(crc[:], line[keyDigits+1:bodyStart-1]); err != nil {
		return k, n, false
	}
	if _, err := hex.Decode(k[:], line[:keyDigits]); err != nil {
		return k, n, false
	}
	body := line[bodyStart:]
	if uint32(crc[0])<<24|uint32(crc[1])<<16|uint32(crc[2])<<8|uint32(crc[3]) != sum(line[:keyDigits], body) {
		return k, n, false
	}
	kind, rest, _ := bytes.Cut(body, []byte(" "))
	flags, value, found := bytes.Cut(rest, []byte(" "))
	if !found || len(kind) != 1 {
		return k, n, false
	}
	if kind[0] == 'R' {
		nats, err := strconv.ParseFloat(string(flags), 64)
		textNats, textErr := strconv.ParseFloat(string(value), 64)
		return k, known{logProb: nats, row: &textNats}, err == nil && textErr == nil && !math.IsNaN(nats) && !math.IsNaN(textNats)
	}
	n.cut = bytes.HasSuffix(flags, []byte("c"))
	flags = bytes.TrimSuffix(flags, []byte("c"))
	switch kind[0] {
	case 'L':
		n.greedy = string(flags) == "g"
		v, err := strconv.ParseFloat(string(value), 64)
		n.logProb = v
		return k, n, err == nil && !math.IsNaN(v) && (n.greedy || len(flags) == 0 || string(flags) == "-")
	case 'G':
		text, err := strconv.Unquote(string(value))
		n.text = &text
		for _, e := range ends {
			if len(flags) == 1 && flags[0] == e.letter {
				n.end = e.end
				return k, n, err == nil
			}
		}
	}
	return k, n, false
}
