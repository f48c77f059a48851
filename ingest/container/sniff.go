package container

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"smelt/compute/jsontext"
)

// Format is how the bytes of a file hold its records.
type Format string

// The formats. Auto finds out which of the others it is.
const (
	Auto    Format = ""
	JSONL   Format = "jsonl"   // one JSON object a line
	JSON    Format = "json"    // an array, values one after the other, or an object by id
	CSV     Format = "csv"     // with a header, separated by commas
	TSV     Format = "tsv"     // with a header, separated by tabs
	Parquet Format = "parquet" // read from a file only
	Text    Format = "text"    // prose, cut into continuation examples
)

// Formats lists the formats other than Auto.
func Formats() []Format { return []Format{JSONL, JSON, CSV, TSV, Parquet, Text} }

// ParseFormat reads a format's name; empty and "auto" are Auto.
func ParseFormat(name string) (Format, error) {
	f := Format(strings.ToLower(name))
	if f == Auto || f == "auto" {
		return Auto, nil
	}
	if !slices.Contains(Formats(), f) {
		return Auto, fmt.Errorf("unknown format %q; there are: %s, and auto to find out", name, formatNames())
	}
	return f, nil
}

func formatNames() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// sniffed is what the first bytes of a text tell. certain says that more of
// them would tell nothing else.
type sniffed struct {
	format  Format
	keyed   bool // for JSON: the object's members are the records
	certain bool
}

// sniff tells the format of a text of which head is the beginning, or the whole
// of it, by the file's name and then by what is in it. JSON lines are what
// everything else is taken for: there, a line that cannot be read costs no more
// than itself.
func sniff(head []byte, whole bool, name string) sniffed {
	if bytes.HasPrefix(head, []byte("PAR1")) {
		return sniffed{format: Parquet, certain: true}
	}
	head = bytes.TrimPrefix(head, byteOrderMark)
	text := skipSpace(head)
	switch ending(name) {
	case ".csv":
		return sniffed{format: CSV, certain: true}
	case ".tsv", ".tab":
		return sniffed{format: TSV, certain: true}
	case ".txt", ".text":
		if first, _, ended := nextLine(text); !isObject(first) {
			return sniffed{format: Text, certain: ended || whole || !bytes.HasPrefix(text, []byte{'{'})}
		}
	}
	switch {
	case bytes.HasPrefix(text, []byte{'['}):
		return sniffArray(text, whole)
	case bytes.HasPrefix(text, []byte{'{'}):
		return sniffObject(text, whole)
	}
	return sniffed{format: JSONL, certain: len(text) > 0}
}

// ending is the ending of a file's name, in small letters, without that of a
// compression.
func ending(name string) string {
	name = strings.ToLower(filepath.Base(name))
	for _, packed := range []string{".gz", ".gzip", ".bz2", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	return filepath.Ext(name)
}

// nextLine cuts the first line off a text, and white space around it and what
// follows. ended says that its end is in the text.
func nextLine(text []byte) (line, rest []byte, ended bool) {
	line, rest, ended = bytes.Cut(text, []byte{'\n'})
	return bytes.TrimSpace(line), skipSpace(rest), ended
}

func isObject(line []byte) bool {
	return bytes.HasPrefix(line, []byte{'{'}) && jsontext.Check(line) == nil
}

// sniffArray tells an array from JSON lines of which the first begins with a
// bracket: a list as a line of its own, or a damaged line.
func sniffArray(text []byte, whole bool) sniffed {
	line, rest, ended := nextLine(text)
	if ended && jsontext.Check(line) == nil {
		if len(rest) > 0 {
			return sniffed{format: JSONL, certain: true}
		}
		return sniffed{format: JSON, certain: whole}
	}
	if damaged(line, ended) {
		// The line is damaged. It is an array's if it has an element before that.
		first := bytes.TrimLeft(line[1:], " \t\r")
		if end := valueEnd(first); end < 0 || jsontext.Check(first[:end]) != nil {
			return sniffed{format: JSONL, certain: true}
		}
	}
	return sniffed{format: JSON, certain: ended || len(line) > headSize}
}

// sniffObject tells JSON lines from objects that are spread over lines or come
// several to a line, and from one object that holds the records by their id.
func sniffObject(text []byte, whole bool) sniffed {
	line, rest, ended := nextLine(text)
	members := memberObjects(text)
	switch end := valueEnd(line); {
	case end == len(line):
		// One line, one object: only if it is alone can it hold many records.
		if len(rest) == 0 && members > 1 {
			return sniffed{format: JSON, keyed: true, certain: whole}
		}
		return sniffed{format: JSONL, certain: len(rest) > 0}
	case end > 0:
		follows := bytes.TrimLeft(line[end:], " \t\r")
		if follows[0] == '{' && jsontext.Check(line[:end]) == nil {
			return sniffed{format: JSON, certain: true}
		}
		return sniffed{format: JSONL, certain: true}
	case damaged(line, ended):
		return sniffed{format: JSONL, certain: true}
	case !ended:
		// A long first line. Objects that come many to a member are a data set.
		if members > 1 {
			return sniffed{format: JSON, keyed: true}
		}
		return sniffed{format: JSONL}
	}
	// The first line is the beginning of a value. If the second is an object of
	// its own, it is a line that was cut off.
	if second, _, _ := nextLine(rest); isObject(second) {
		return sniffed{format: JSONL, certain: true}
	}
	keyed := members > 0
	if end := valueEnd(text); end > 0 && len(bytes.TrimSpace(text[end:])) > 0 {
		keyed = false
	}
	return sniffed{format: JSON, keyed: keyed, certain: members > 1 || members < 0}
}

// damaged reports whether something else than its end keeps a line from being
// JSON. A line that ended within a string is damaged, for strings go over no
// lines.
func damaged(line []byte, ended bool) bool {
	if endsInString(line) {
		return ended
	}
	var bad *jsontext.Error
	return errors.As(jsontext.Check(line), &bad) && bad.Offset < len(line)
}

// endsInString reports whether a text ends within a string.
func endsInString(text []byte) bool {
	in := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			in = !in
		case in && text[i] == '\\':
			i++
		}
	}
	return in
}

// valueEnd is where the value that text begins with ends, going by quotes and
// brackets alone, and -1 if it does not.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 && i < len(text) {
				return i + 1
			}
		case ' ', '\t', '\r', '\n', ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// memberObjects counts the members of the object that text begins with, as far
// as they are whole, or is -1 if one of them is no object.
func memberObjects(text []byte) (members int) {
	rest := skipSpace(text[1:])
	for {
		end := valueEnd(rest)
		if end < 0 || rest[0] != '"' {
			return members
		}
		rest = skipSpace(rest[end:])
		if len(rest) == 0 || rest[0] != ':' {
			return members
		}
		rest = skipSpace(rest[1:])
		if len(rest) > 0 && rest[0] != '{' {
			return -1
		}
		if end = valueEnd(rest); end < 0 {
			return members
		}
		members++
		rest = skipSpace(rest[end:])
		if len(rest) == 0 || rest[0] != ',' {
			return members
		}
		rest = skipSpace(rest[1:])
	}
}

func skipSpace(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }
