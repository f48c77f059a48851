package tokenizer

import (
	"fmt"
	"strconv"

	"smelt/compute/jsontext"
)

// object is a JSON object of a file, read strictly: a member that no one asks for is an error.
type object struct {
	where  string // for errors: "pre_tokenizer: Split"
	kind   string // of a component: its type
	fields []jsontext.Field
	err    error // the first there was
}

// objectOf reads an accepted value.
func objectOf(where string, raw []byte) *object {
	o := &object{where: where}
	if kind := jsontext.KindOf(raw); kind != jsontext.KindObject {
		o.fail("must be an object, not %s", kind)
	}
	o.fields = jsontext.Members(raw, nil)
	return o
}

func (o *object) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf("%s: %w", o.where, fmt.Errorf(format, args...))
	}
}

// take returns a member and marks it as asked for; nil if there is none or it is null.
func (o *object) take(key string) []byte {
	for i := range o.fields {
		if f := &o.fields[i]; string(f.Key) == key {
			value := f.Value
			f.Key = nil
			if f.Kind == jsontext.Null {
				return nil
			}
			return value
		}
	}
	return nil
}

// ignore asks for members that make no difference to ids.
func (o *object) ignore(keys ...string) {
	for _, key := range keys {
		o.take(key)
	}
}

// done returns the first error; a member that was not asked for is one.
func (o *object) done() error {
	for _, f := range o.fields {
		if f.Key != nil {
			o.fail("%.80q is %w", f.Key, ErrUnsupported)
		}
	}
	return o.err
}

// finish ends the reading of an object inside o.
func (o *object) finish(inner *object) (ok bool) {
	err := inner.done()
	if o.err == nil {
		o.err = err
	}
	return err == nil
}

func (o *object) string(key, otherwise string) string {
	raw := o.take(key)
	if raw == nil {
		return otherwise
	}
	if kind := jsontext.KindOf(raw); kind != jsontext.String {
		o.fail("%s must be a string, not %s", key, kind)
		return otherwise
	}
	return unquoted(raw)
}

func (o *object) bool(key string, otherwise bool) bool {
	raw := o.take(key)
	if raw == nil {
		return otherwise
	}
	if kind := jsontext.KindOf(raw); kind != jsontext.Bool {
		o.fail("%s must be true or false, not %s", key, kind)
	}
	return string(raw) == "true"
}

// id reads a token id.
func (o *object) id(key string) int {
	raw := o.take(key)
	id, ok := parseID(raw)
	if !ok {
		o.fail("%s must be a token id, not %.20q", key, raw)
	}
	return id
}

func parseID(raw []byte) (id int, ok bool) {
	n, err := strconv.ParseUint(string(raw), 10, 31)
	return int(n), err == nil
}

// array returns the elements of a member that must be an array.
func (o *object) array(key string) [][]byte {
	raw := o.take(key)
	if raw != nil && jsontext.KindOf(raw) != jsontext.Array {
		o.fail("%s must be an array, not %s", key, jsontext.KindOf(raw))
	}
	return jsontext.Elements(raw, nil)
}

func unquoted(raw []byte) string {
	return string(jsontext.AppendUnquoted(make([]byte, 0, len(raw)), raw))
}
