package asm

import (
	"fmt"
	"strings"
)

// Field is one argument or result of a function, as Go's stack-based calling
// convention for assembly places it.
type Field struct {
	Name, Type string // as in Go
	Offset     int    // bytes from the frame pointer
}

// Operand returns the operand of the field, or of the part of a slice: "base",
// "len" or "cap".
func (a Field) Operand(part string) string {
	switch part {
	case "":
		return fmt.Sprintf("%s+%d(FP)", a.Name, a.Offset)
	case "len":
		return fmt.Sprintf("%s_len+%d(FP)", a.Name, a.Offset+8)
	case "cap":
		return fmt.Sprintf("%s_cap+%d(FP)", a.Name, a.Offset+16)
	}
	return fmt.Sprintf("%s_%s+%d(FP)", a.Name, part, a.Offset)
}

// Signature is a function's arguments and results, without its name.
type Signature struct {
	Args, Results []Field
	Size          int // of all of them on the stack, in bytes
}

// Layout reads a signature from fields such as "dst []float32" and places them.
// It knows slices, pointers, int and the types with their size in their name.
func Layout(args, results []string) Signature {
	var s Signature
	s.Args = s.place(args)
	if len(results) > 0 {
		s.align(8)
		s.Results = s.place(results)
	}
	return s
}

func (s *Signature) place(fields []string) []Field {
	placed := make([]Field, 0, len(fields))
	for _, field := range fields {
		name, kind, _ := strings.Cut(field, " ")
		size, align := 8, 8
		switch {
		case strings.HasPrefix(kind, "[]"):
			size = 24
		case strings.HasSuffix(kind, "32") && kind[0] != '*':
			size, align = 4, 4
		}
		s.align(align)
		placed = append(placed, Field{name, kind, s.Size})
		s.Size += size
	}
	return placed
}

func (s *Signature) align(n int) { s.Size = (s.Size + n - 1) / n * n }

// Arg returns the argument or result of that name; its Operand makes go vet
// complain if there is none.
func (s Signature) Arg(name string) Field {
	for _, fields := range [][]Field{s.Args, s.Results} {
		for _, a := range fields {
			if a.Name == name {
				return a
			}
		}
	}
	return Field{Name: name}
}

// String returns the signature as Go writes it.
func (s Signature) String() string {
	text := "(" + list(s.Args) + ")"
	if len(s.Results) > 0 {
		text += " (" + list(s.Results) + ")"
	}
	return text
}

// Names returns the arguments' names with commas, for a call.
func (s Signature) Names() string {
	names := make([]string, len(s.Args))
	for i, a := range s.Args {
		names[i] = a.Name
	}
	return strings.Join(names, ", ")
}

// list writes fields the way gofmt and readers like them: neighbours of one type
// share it.
func list(fields []Field) string {
	var b strings.Builder
	for i, a := range fields {
		b.WriteString(a.Name)
		if last := i == len(fields)-1; last || fields[i+1].Type != a.Type {
			b.WriteString(" " + a.Type)
		}
		if i < len(fields)-1 {
			b.WriteString(", ")
		}
	}
	return b.String()
}
