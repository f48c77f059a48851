package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
)

// The metadata fields this package gives a meaning to.
const (
	fieldBucket = "_bucket"
	fieldSource = "_source"
	// fieldMap holds the maps that a record was read by. It decides what the
	// record's content is, so that it is read the same way ever after.
	fieldMap = "_map"
	// fieldOrigin says where a row's bucket came from, unless the record says
	// it itself: originGiven (the record), originFlag (Options.Bucket),
	// originRule (Options.Rule) or originClassifier (Options.Classify).
	fieldOrigin      = "_bucket_origin"
	originGiven      = "given"
	originFlag       = "flag"
	originRule       = "rule"
	originClassifier = "classifier"
	// fieldScore is how sure the classifier was, with two decimals.
	fieldScore = "_bucket_score"
	// fieldLanguage is an ISO 639-1 code.
	fieldLanguage = "_language"
)

const (
	// maxRowFields bounds the metadata fields of one row. A record with more
	// has data where names should be.
	maxRowFields = 200
	// maxFieldName bounds a metadata field's name, which the store's manifest
	// carries.
	maxFieldName = 256
)

// Label is a metadata field for records that have none of that name.
type Label struct {
	Name string // with its '_'
	// Value is a JSON number, true, false, or a JSON string; anything else is
	// taken for the text itself.
	Value string
}

// ParseLabel reads NAME=VALUE. The '_' of the name may be left out. The bucket,
// the source and the map are refused, because they have options of their own.
func ParseLabel(s string) (Label, error) {
	name, value, found := strings.Cut(s, "=")
	if !found || name == "" {
		return Label{}, fmt.Errorf("label %q is not of the form name=value", s)
	}
	if !strings.HasPrefix(name, "_") {
		name = "_" + name
	}
	l := Label{name, value}
	return l, l.check()
}

func (l Label) check() error {
	switch {
	case !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value):
		return fmt.Errorf("label %q is not valid UTF-8", l.Name+"="+l.Value)
	case l.Name == fieldBucket:
		return errors.New("a bucket is given with --bucket, not as a label")
	case l.Name == fieldSource:
		return errors.New("a source is given with --source, not as a label")
	case l.Name == fieldMap:
		return errors.New("a map is given with --map, not as a label")
	case len(l.Name) > maxFieldName:
		return fmt.Errorf("label name of %d bytes; the most is %d", len(l.Name), maxFieldName)
	}
	return nil
}

// raw is the label's value as JSON.
func (l Label) raw() []byte {
	value := []byte(l.Value)
	if jsontext.Check(value) == nil {
		switch jsontext.KindOf(bytes.TrimSpace(value)) {
		case jsontext.Bool, jsontext.Number, jsontext.String:
			return bytes.TrimSpace(value)
		}
	}
	return jsontext.AppendQuoted(nil, value)
}

// labels are what Options adds to records, made ready for use by many workers.
type labels struct {
	bucket   []byte                    // Options.Bucket; empty: none
	rule     func(*row.Content) string // Options.Rule; may be nil
	classify Classify                  // Options.Classify; may be nil
	language func(*row.Content) string
	mapping  *mapping // Options.Map; nil: none
	added    []added  // Options.Labels, the map, Options.Source
	ledger   string   // Options.Labels and the map as canonical JSON, for the ledger

	// Names and values that many rows share, as bytes once and for all.
	names struct{ bucket, source, origin, score, given, flag, rule, classifier []byte }
}

// added is one field added to the records without it.
type added struct {
	name   []byte
	value  []byte // raw JSON
	member []byte // `"name":value`
}

func newLabels(opt *Options) (*labels, error) {
	l := &labels{bucket: []byte(opt.Bucket), rule: opt.Rule, classify: opt.Classify, language: opt.Language}
	l.names.bucket, l.names.source, l.names.origin, l.names.score = []byte(fieldBucket), []byte(fieldSource), []byte(fieldOrigin), []byte(fieldScore)
	l.names.given, l.names.flag = []byte(originGiven), []byte(originFlag)
	l.names.rule, l.names.classifier = []byte(originRule), []byte(originClassifier)
	object := []byte{'{'}
	add := func(name string, raw []byte) {
		member := jsontext.AppendQuoted(nil, []byte(name))
		member = append(append(member, ':'), raw...)
		l.added = append(l.added, added{[]byte(name), raw, member})
	}
	record := func(name string, raw []byte) {
		add(name, raw)
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(object, l.added[len(l.added)-1].member...)
	}
	for _, label := range opt.Labels {
		if !strings.HasPrefix(label.Name, "_") {
			label.Name = "_" + label.Name
		}
		if err := label.check(); err != nil {
			return nil, err
		}
		for _, other := range l.added {
			if string(other.name) == label.Name {
				return nil, fmt.Errorf("label %s is given twice", label.Name)
			}
		}
		record(label.Name, label.raw())
	}
	if len(opt.Map) > 0 {
		var err error
		if l.mapping, err = newMapping(opt.Map); err != nil {
			return nil, err
		}
		record(fieldMap, l.mapping.text)
	}
	if len(l.added) > 0 {
		l.ledger = string(jsontext.AppendCanonical(nil, append(object, '}')))
	}
	if opt.Source != "" {
		add(fieldSource, jsontext.AppendQuoted(nil, []byte(opt.Source)))
	}
	return l, nil
}

// flags is how a ledger entry's options were written, for messages.
func flags(f *db.File) string {
	var parts []string
	if f.Bucket != "" {
		parts = append(parts, "--bucket "+f.Bucket)
	}
	if f.Source != "" {
		parts = append(parts, "--source "+f.Source)
	}
	if f.Labels != "" {
		for _, m := range jsontext.Members([]byte(f.Labels), nil) {
			if string(m.Key) != fieldMap {
				parts = append(parts, fmt.Sprintf("--label %s=%s", m.Key, m.Value))
				continue
			}
			for _, to := range jsontext.Members(m.Value, nil) {
				parts = append(parts, fmt.Sprintf("--map %s=%s", to.Key, jsontext.AppendUnquoted(nil, to.Value)))
			}
		}
	}
	if len(parts) == 0 {
		return "no --bucket, --source, --label or --map"
	}
	return strings.Join(parts, " ")
}

// metadata is one metadata field of a row.
type metadata struct {
	name []byte
	raw  []byte // JSON; nil for text
	text []byte // when raw is nil
}

func (m *metadata) isNull() bool {
	return m.raw != nil && jsontext.KindOf(m.raw) == jsontext.Null
}

// labelled is a record's metadata and the record as it is kept.
type labelled struct {
	bucket int // position in the catalog
	fields []metadata
	record []byte

	grown []byte // memory of a record that got labels
	name  []byte // memory of a bucket's name
	score []byte // memory of a classifier's score
}

// label finds the bucket of a record, collects its metadata and appends the
// fields it lacks. record is the JSON object of which fields are the members
// and content the content; source stands for a missing _source. What it leaves
// in out refers to its arguments and is valid until the next call. The error is
// the reason for a reject.
func (l *labels) label(out *labelled, record []byte, fields []jsontext.Field, content *row.Content, buckets map[string]int, source []byte) error {
	out.fields, out.score = out.fields[:0], out.score[:0]
	var bucket *jsontext.Field
	hasSource, hasOrigin, hasScore := false, false, false
	for i := range fields {
		f := &fields[i]
		if len(f.Key) == 0 || f.Key[0] != '_' {
			continue
		}
		switch string(f.Key) {
		case fieldBucket:
			if f.Kind != jsontext.Null {
				bucket = f
			}
			continue
		case fieldSource:
			hasSource = true
		case fieldOrigin:
			hasOrigin = true
		case fieldScore:
			hasScore = true
		}
		if len(f.Key) > maxFieldName {
			return fmt.Errorf("metadata field %s has a name of %d bytes; the most is %d", fieldName(f.Key), len(f.Key), maxFieldName)
		}
		if len(out.fields) == maxRowFields {
			return fmt.Errorf("more than %d metadata fields (fields that begin with '_')", maxRowFields)
		}
		out.fields = append(out.fields, metadata{name: f.Key, raw: f.Value})
	}

	origin := l.names.given
	name := l.bucket
	switch {
	case bucket == nil && len(name) == 0:
		if name, origin = l.found(out, content); len(name) == 0 {
			if l.classify == nil {
				return errors.New("no bucket: the record has no _bucket and no --bucket was given")
			}
			return errors.New("no bucket: the record has no _bucket, no --bucket was given and the classifier knows none")
		}
	case bucket == nil:
		origin = l.names.flag
	case bucket.Kind != jsontext.String:
		return fmt.Errorf("_bucket must be a string, not %s", bucket.Kind)
	default:
		out.name = jsontext.AppendUnquoted(out.name[:0], bucket.Value)
		name = out.name
	}
	var known bool
	if out.bucket, known = buckets[string(name)]; !known {
		return fmt.Errorf("unknown bucket %q; CREATE BUCKET %s first", clip(name), fieldName(name))
	}

	out.record = record
	own := out.fields
	for i := range l.added {
		a := &l.added[i]
		if hasField(own, a.name) {
			continue
		}
		if len(out.fields) == len(own) {
			out.grown = append(out.grown[:0], record[:len(record)-1]...)
		}
		out.grown = append(append(out.grown, ','), a.member...)
		out.fields = append(out.fields, metadata{name: a.name, raw: a.value})
		hasSource = hasSource || string(a.name) == fieldSource
		hasOrigin = hasOrigin || string(a.name) == fieldOrigin
		hasScore = hasScore || string(a.name) == fieldScore
	}
	if len(out.fields) > len(own) {
		out.grown = append(out.grown, '}')
		out.record = out.grown
	}
	out.fields = append(out.fields, metadata{name: l.names.bucket, text: name})
	if !hasSource {
		out.fields = append(out.fields, metadata{name: l.names.source, text: source})
	}
	if !hasOrigin {
		out.fields = append(out.fields, metadata{name: l.names.origin, text: origin})
	}
	if !hasScore && len(out.score) > 0 {
		out.fields = append(out.fields, metadata{name: l.names.score, raw: out.score})
	}
	if l.language != nil && !hasField(out.fields, []byte(fieldLanguage)) {
		if code := l.language(content); code != "" {
			out.fields = append(out.fields, metadata{name: []byte(fieldLanguage), text: []byte(code)})
		}
	}
	return nil
}

// found is the bucket that a rule or else the classifier finds, empty for none,
// and which of them did. The classifier's score is left in out unless it is no
// number.
func (l *labels) found(out *labelled, content *row.Content) (bucket, origin []byte) {
	if l.rule != nil {
		if out.name = append(out.name[:0], l.rule(content)...); len(out.name) > 0 {
			return out.name, l.names.rule
		}
	}
	if l.classify == nil {
		return nil, nil
	}
	name, score := l.classify(content)
	out.name = append(out.name[:0], name...)
	if !math.IsNaN(score) && !math.IsInf(score, 0) {
		out.score = strconv.AppendFloat(out.score, score, 'f', 2, 64)
	}
	return out.name, l.names.classifier
}

func hasField(fields []metadata, name []byte) bool {
	for i := range fields {
		if string(fields[i].name) == string(name) {
			return true
		}
	}
	return false
}
