package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/expr"
)

// Functions are what the language borrows from packages that query does not
// know.
type Functions struct {
	// Content gives the normal form of a stored record.
	Content func(record []byte) (row.Content, error)
	// Tokenizer finds the token counter of that name, safe for concurrent use, or
	// the default one for ""; nil: there are none but 'bytes'.
	Tokenizer func(name string) (count func(text []byte) int, err error)
}

// binder resolves the names of one statement.
type binder struct {
	src   string
	db    *db.DB
	snap  *db.Snapshot
	fn    Functions
	kinds map[string]expr.Kinds // of metadata fields, as far as asked for
	names memberNames
}

func newBinder(src string, d *db.DB, snap *db.Snapshot, fn Functions) *binder {
	b := &binder{src: src, db: d, snap: snap, fn: fn, kinds: map[string]expr.Kinds{}}
	b.names.b = b
	return b
}

// env is what an expression of the statement may name.
func (b *binder) env() expr.Env {
	return expr.Env{
		Metadata: b.metadata,
		Equals:   b.mayEqual,
		Member:   b.names.member,
		Sample: func(name ast.Text) (*roaring.Bitmap, error) {
			return b.sample(ast.Value{Span: name.Span, Text: name.Value})
		},
		Tokenizer: b.tokenizer,
		Hash:      true,
	}
}

// metadata checks that some row has a metadata field, and gives the kinds of its
// values.
func (b *binder) metadata(span ast.Span, name string) (expr.Kinds, error) {
	if kinds, known := b.kinds[name]; known {
		return kinds, nil
	}
	if err := b.fieldName(span, name); err != nil {
		return 0, err
	}
	index, err := b.snap.Field(name)
	if err != nil || index == nil {
		return 0, err
	}
	kinds, err := index.Kinds()
	b.kinds[name] = expr.KindsOf(kinds...)
	return b.kinds[name], err
}

// sample returns the rows of a kept sample whose name is a constant.
func (b *binder) sample(name ast.Value) (*roaring.Bitmap, error) {
	return b.keptSample(ast.Name{Span: name.Span, Text: name.Text}, b.db, nil)
}

func (b *binder) tokenizer(name string) (func([]byte) int, error) {
	switch {
	case b.fn.Tokenizer != nil:
		return b.fn.Tokenizer(name)
	case name == "":
		return nil, errors.New("tokens() has to be told how to count")
	}
	return nil, fmt.Errorf("there is no tokenizer %s here", writtenText(name))
}

func (b *binder) errorf(span ast.Span, hint, format string, args ...any) error {
	return ast.NewError(b.src, span, hint, format, args...)
}

// written is a name as a statement has to write it.
func written(name string) string { return ast.Name{Text: name}.String() }

// writtenText is a text constant as a statement has to write it.
func writtenText(text string) string { return ast.Text{Value: text}.String() }

// NearestName is nearest for names.
func NearestName(name string, among []string) string { return nearest(name, among, written) }

// NearestText is nearest for texts.
func NearestText(text string, among []string) string { return nearest(text, among, writtenText) }

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

// fieldName checks that a metadata field is one that some row has.
func (b *binder) fieldName(span ast.Span, name string) error {
	fields := b.snap.Fields()
	switch {
	case slices.Contains(fields, name):
		return nil
	case b.snap.Rows() == 0:
		return b.noRows(span, written(name))
	}
	return b.errorf(span, nearest(name, fields, written), "unknown field %s: no row has it", written(name))
}

func (b *binder) noRows(span ast.Span, field string) error {
	return b.errorf(span, "first add some, with smelt ingest FILE", "unknown field %s: the store has no rows", field)
}

// mayEqual refuses a constant that no row's value of the field can equal, which
// would otherwise quietly select nothing: one of a kind that the field never
// holds, or for _bucket the name of no bucket.
func (b *binder) mayEqual(span ast.Span, field string, v db.Value) error {
	if err := b.holdsKind(span, field, v.Kind); err != nil || field != bucketField {
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

// holdsKind refuses a field that has values, and none of the kind.
func (b *binder) holdsKind(span ast.Span, field string, kind db.Kind) error {
	kinds, err := b.metadata(span, field)
	if err != nil || kinds == 0 || kinds&expr.KindsOf(kind) != 0 {
		return err
	}
	return expr.NeverHolds(b.src, span, field, kinds, kind)
}
