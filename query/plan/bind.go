package plan

import (
	"slices"
	"strings"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
)

// Functions are what the language borrows from packages that query does not
// know.
type Functions struct {
	// Content gives the normal form of a stored record.
	Content func(record []byte) (row.Content, error)
	// Tokenizer finds the token counter of that name; nil: there are none but
	// 'bytes'.
	Tokenizer func(name string) (count func(text []byte) int, err error)
}

// binder resolves the names of one statement.
type binder struct {
	src  string
	snap *db.Snapshot
	fn   Functions
}

func (b *binder) errorf(span ast.Span, hint, format string, args ...any) error {
	return ast.NewError(b.src, span, hint, format, args...)
}

func (b *binder) notBuilt(span ast.Span, what, hint string) error {
	return b.errorf(span, hint, "%s is not built yet", what)
}

// metadataHint is the way out where the language asks for more than metadata.
const metadataHint = "conditions on metadata fields, which begin with '_', and holdout() work"

// written is a name as a statement has to write it.
func written(name string) string { return ast.Name{Text: name}.String() }

// writtenText is a text constant as a statement has to write it.
func writtenText(text string) string { return ast.Text{Value: text}.String() }

// nearest offers the closest name, or lists a short list of them. write says how
// a statement has them.
func nearest(name string, among []string, write func(string) string) string {
	if near, ok := ast.Nearest(name, among); ok {
		return "did you mean " + write(near) + "?"
	}
	if len(among) == 0 {
		return ""
	}
	more := ""
	if len(among) > 12 {
		among, more = among[:12], ", ..."
	}
	texts := make([]string, len(among))
	for i, a := range among {
		texts[i] = write(a)
	}
	if len(among) == 1 {
		return "there is only " + texts[0]
	}
	return "there are " + strings.Join(texts, ", ") + more
}

// fieldName checks that a name is a metadata field some row has.
func (b *binder) fieldName(span ast.Span, path []string) (string, error) {
	name := strings.Join(path, ".")
	if len(path) > 1 {
		return "", b.notBuilt(span, "a path into a field ("+name+")", metadataHint)
	}
	fields := b.snap.Fields()
	switch {
	case slices.Contains(fields, name):
		return name, nil
	case b.snap.Rows() == 0:
		return "", b.errorf(span, "first add some, with smelt ingest FILE", "unknown field %s: the store has no rows", written(name))
	case strings.HasPrefix(name, "_"):
		return "", b.errorf(span, nearest(name, fields, written), "unknown field %s: no row has it", written(name))
	case slices.Contains(fields, "_"+name):
		return "", b.errorf(span, "did you mean "+written("_"+name)+"?", "unknown field %s", written(name))
	}
	return "", b.errorf(span, nearest("_"+name, fields, written),
		"unknown field %s: so far only metadata fields can be named, which begin with '_'", written(name))
}

// constantOperand binds an operand that must be a constant; ok is false for NULL.
func (b *binder) constantOperand(e ast.Expr) (v db.Value, ok bool, err error) {
	lit, isLiteral := e.(*ast.Literal)
	if !isLiteral {
		if field, isField := e.(*ast.Field); isField {
			name := strings.Join(field.Path, ".")
			if !slices.Contains(b.snap.Fields(), name) {
				return v, false, b.errorf(e.Pos(), "text stands in single quotes: "+writtenText(name),
					"a constant is expected here, and %s is not one", written(name))
			}
			return v, false, b.notBuilt(e.Pos(), "comparing a field to a field", "compare it with a constant")
		}
		return v, false, b.errorf(e.Pos(), "", "a constant is expected here")
	}
	v, ok, err = constantValue(lit.Value)
	if err != nil {
		err = b.errorf(lit.Span, "", "%v", err)
	}
	return v, ok, err
}

// constantValue turns a constant of the language into a metadata value; ok is
// false for NULL.
func constantValue(v ast.Value) (db.Value, bool, error) {
	switch v.Kind {
	case ast.TextValue:
		return db.TextValue(v.Text), true, nil
	case ast.BoolValue:
		return db.Value{Kind: db.KindBool, Text: v.Text}, true, nil
	case ast.NumberValue:
		canonical, err := canonicalNumber(v.Text)
		return db.Value{Kind: db.KindNumber, Text: canonical}, true, err
	}
	return db.Value{}, false, nil
}

// canonicalNumber gives a number the text that equal numbers share. The
// language also writes .5, 5. and 007, which JSON does not.
func canonicalNumber(text string) (string, error) {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		whole, exponent = text[:i], text[i:]
	}
	whole, fraction, _ := strings.Cut(whole, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	raw := []byte(sign + whole + exponent)
	if !jsontext.IsNumber(raw) {
		return "", &numberError{text}
	}
	return string(jsontext.AppendCanonicalNumber(nil, raw)), nil
}

type numberError struct{ text string }

func (e *numberError) Error() string { return e.text + " is not a number" }

// mayHold refuses a constant that no row's value of the field can equal or be
// ordered by, which would otherwise quietly select nothing.
func (b *binder) mayHold(span ast.Span, field string, v db.Value) error {
	return b.holdsKind(span, field, v.Kind, "")
}

// mayEqual is mayHold for equality, which for _bucket asks for a bucket that
// there is.
func (b *binder) mayEqual(span ast.Span, field string, v db.Value) error {
	if err := b.mayHold(span, field, v); err != nil || field != bucketField {
		return err
	}
	index, err := b.snap.Field(field)
	if err != nil || index == nil {
		return err
	}
	rows, err := index.Equal(v)
	if err != nil || !rows.IsEmpty() {
		return err
	}
	return b.bucket(span, v.Text, writtenText)
}

// holdsKind refuses a field that has no value of the kind. An empty hint is
// replaced by how a constant of the field's kind is written.
func (b *binder) holdsKind(span ast.Span, field string, kind db.Kind, hint string) error {
	f, err := b.snap.Field(field)
	if err != nil || f == nil {
		return err
	}
	kinds, err := f.Kinds()
	if err != nil || len(kinds) == 0 || slices.Contains(kinds, kind) {
		return err
	}
	plural := map[db.Kind]string{db.KindBool: "booleans", db.KindNumber: "numbers", db.KindText: "text", db.KindJSON: "lists or objects"}
	var names []string
	for _, k := range kinds {
		names = append(names, plural[k])
	}
	if hint == "" {
		hint = map[db.Kind]string{
			db.KindBool:   "write true or false, without quotes",
			db.KindNumber: "write the number without quotes",
			db.KindText:   "write the text in single quotes",
			db.KindJSON:   "so far they can only be tested by IS NULL",
		}[kinds[0]]
	}
	return b.errorf(span, hint, "%s holds %s, never %s", written(field), strings.Join(names, " and "), plural[kind])
}
