package tasks

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// Decode reads YAML into a struct. A key that the struct has not is an error with the nearest one it has. Errors show
// the line.
func Decode(raw []byte, into any) (err error) {
	defer func() {
		if bad := recover(); bad != nil { // the decoder panics on some that is broken
			err = fmt.Errorf("it is no YAML that can be read: %v", bad)
		}
	}()
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return errors.New("it is no text in UTF-8")
	}
	err = yaml.UnmarshalWithOptions(raw, into, yaml.Strict())
	at, ok := err.(yaml.Error)
	if err == nil || !ok {
		return err
	}
	text := at.GetMessage()
	switch e := err.(type) {
	case *yaml.UnknownFieldError:
		if name, ok := Nearest(e.Token.Value, keys(reflect.TypeOf(into), map[reflect.Type]bool{})); ok && name != e.Token.Value {
			text += "; did you mean " + name + "?"
		}
	case *yaml.TypeError: // it names types of Go
		text = fmt.Sprintf("here is %s where %s is due", kindOf(e.SrcType), kindOf(e.DstType))
	}
	return errors.New(yaml.FormatErrorWithToken(text, at.GetToken(), false, true))
}

// keys are those of a struct and of all structs in it.
func keys(t reflect.Type, seen map[reflect.Type]bool) (all []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	for i := range t.NumField() {
		field := t.Field(i)
		all = append(append(all, field.Tag.Get("yaml")), keys(field.Type, seen)...)
	}
	return all
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Pointer:
		return kindOf(t.Elem())
	}
	return "a mapping of keys"
}

// lineOf is the line, from 1, of the key that an error begins with; 0 if the file has none.
func lineOf(raw []byte, err error) int {
	text := err.Error()
	key := text[:len(text)-len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz_"))]
	n := 0
	for line := range bytes.Lines(raw) {
		if n++; key != "" && bytes.HasPrefix(line, []byte(key+":")) {
			return n
		}
	}
	return 0
}

// Nearest is the known name, of small letters, that name is most likely a slip of, if there is one.
func Nearest(name string, known []string) (best string, ok bool) {
	name = strings.ToLower(name)
	least := 1 + len(name)/3
	for _, k := range known {
		if d := distance(name, k); d < len(name) && d <= least && (!ok || d < least) {
			best, least, ok = k, d, true
		}
	}
	return best, ok
}

// distance is how many bytes must be added, left out or changed to make b of a (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
