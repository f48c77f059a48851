// Package datasetmanifest reads and writes dataset_manifest.json, the file in
// which smelt's predecessors, a set of scripts, kept their buckets, weights and
// training phases:
//
//	{"metadata":        {"created": time, "version": "1.0", "total_examples": n},
//	 "buckets":         {name: {"source": path, "count": n, "weight": w, "description": text,
//	                            "provenance": text, "added": time}},
//	 "default_weights": {name: w},
//	 "training_phases": {name: {"description": text, "weights": {bucket: w},
//	                            "recommended_samples": n, "epochs": n}}}
//
// Weights are kept as exact decimals and the order of phases' buckets as it is
// in the file. Rows are not part of it: the paths it names are reported, for
// the user to ingest.
package datasetmanifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"smelt/compute/jsontext"
	"smelt/db"
)

// maxSize bounds the file, which is a few kilobytes in practice.
const maxSize = 16 << 20

// maxDecimals is how many digits a weight may have after its point.
const maxDecimals = 18

// Manifest is what a dataset_manifest.json says.
type Manifest struct {
	Buckets []Bucket   `json:"buckets"`
	Phases  []db.Phase `json:"phases"`

	weigh Weigh
}

// Bucket is a bucket of a manifest, and where its rows were.
type Bucket struct {
	db.Bucket
	Source string `json:"source"`
	Count  int64  `json:"count"`
}

// Weigh checks that exact decimals can stand beside one another as weights; it
// is the query language's rule, handed in.
type Weigh func(weights []string) error

// Read parses a manifest. Errors name the place, as in
// training_phases.phase1.weights.code.
func Read(r io.Reader, weigh Weigh) (*Manifest, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("a dataset manifest has at most %d MB", maxSize>>20)
	}
	top, err := jsontext.Object(text, nil)
	if err != nil {
		return nil, fmt.Errorf("not a dataset manifest: %w", err)
	}
	p := &parser{m: Manifest{Buckets: []Bucket{}, Phases: []db.Phase{}, weigh: weigh}, weights: map[string]string{}}
	p.object("default_weights", find(top, "default_weights"), func(path, name string, raw []byte) {
		p.weights[name] = p.decimal(path, raw)
	})
	p.object("buckets", find(top, "buckets"), p.bucket)
	p.object("training_phases", find(top, "training_phases"), p.phase)
	for name, weight := range p.weights {
		if !slices.ContainsFunc(p.m.Buckets, func(b Bucket) bool { return b.Name == name }) {
			p.m.Buckets = append(p.m.Buckets, Bucket{Bucket: db.Bucket{Name: name, Weight: weight}})
		}
	}
	slices.SortFunc(p.m.Buckets, func(x, y Bucket) int { return strings.Compare(x.Name, y.Name) })
	if p.err == nil && len(p.m.Buckets)+len(p.m.Phases) == 0 {
		p.err = errors.New("not a dataset manifest: it has neither buckets, default_weights nor training_phases")
	}
	return &p.m, p.err
}

// parser collects the manifest and the first error.
type parser struct {
	m       Manifest
	weights map[string]string
	err     error
}

func (p *parser) fail(path, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
	}
}

func find(fields []jsontext.Field, name string) []byte {
	for _, f := range fields {
		if string(f.Key) == name {
			return f.Value
		}
	}
	return nil
}

// object calls fn for every member of an object; nil has none. No member of a
// manifest has an empty name.
func (p *parser) object(path string, raw []byte, fn func(path, name string, raw []byte)) {
	if raw == nil {
		return
	}
	if kind := jsontext.KindOf(raw); kind != jsontext.KindObject {
		p.fail(path, "an object is expected, not %s", kind)
		return
	}
	for _, f := range jsontext.Members(raw, nil) {
		name := string(f.Key)
		if name == "" {
			p.fail(path, "a name is empty")
		}
		fn(path+"."+name, name, f.Value)
	}
}

func (p *parser) decimal(path string, raw []byte) string {
	number, err := strconv.ParseFloat(string(raw), 64)
	if !jsontext.IsNumber(raw) || err != nil || number < 0 {
		p.fail(path, "a weight is a number from 0 up, not %s", raw)
		return "0"
	}
	text := string(raw)
	if strings.ContainsAny(text, "eE") {
		text = strconv.FormatFloat(number, 'f', -1, 64)
	}
	if _, decimals, _ := strings.Cut(text, "."); len(decimals) > maxDecimals {
		p.fail(path, "a weight has at most %d digits after its point; %.40s has %d", maxDecimals, raw, len(decimals))
		return "0"
	}
	return text
}

func (p *parser) count(path string, raw []byte) int64 {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 0 {
		p.fail(path, "a whole number from 0 up is expected, not %s", raw)
	}
	return n
}

func (p *parser) text(path string, raw []byte) string {
	if jsontext.KindOf(raw) != jsontext.String {
		p.fail(path, "a text is expected, not %s", raw)
		return ""
	}
	return string(jsontext.AppendUnquoted(nil, raw))
}

func (p *parser) bucket(path, name string, raw []byte) {
	b := Bucket{Bucket: db.Bucket{Name: name}}
	p.object(path, raw, func(path, field string, raw []byte) {
		switch field {
		case "source":
			b.Source = p.text(path, raw)
		case "count":
			b.Count = p.count(path, raw)
		case "weight":
			b.Weight = p.decimal(path, raw)
		case "description":
			b.Description = p.text(path, raw)
		}
	})
	if weight, ok := p.weights[name]; ok {
		b.Weight = weight
	}
	p.m.Buckets = append(p.m.Buckets, b)
}

func (p *parser) phase(path, name string, raw []byte) {
	phase := db.Phase{Name: name}
	p.object(path, raw, func(path, field string, raw []byte) {
		switch field {
		case "description":
			phase.Description = p.text(path, raw)
		case "recommended_samples":
			phase.Samples = p.count(path, raw)
		case "epochs":
			phase.Epochs = p.count(path, raw)
		case "weights":
			p.object(path, raw, func(path, bucket string, raw []byte) {
				phase.Weights = append(phase.Weights, db.PhaseWeight{Bucket: bucket, Weight: p.decimal(path, raw)})
			})
		}
	})
	if len(phase.Weights) == 0 {
		p.fail(path, "a phase needs weights")
	} else {
		texts := make([]string, len(phase.Weights))
		for i, w := range phase.Weights {
			texts[i] = w.Weight
		}
		if err := p.m.weigh(texts); err != nil {
			p.fail(path+".weights", "%v", err)
		}
	}
	p.m.Phases = append(p.m.Phases, phase)
}

// Apply adds the manifest's buckets and phases to the catalog, or replaces
// those of the same names; rules, and descriptions that the manifest leaves
// out, stay. Weights are of one scale: when the manifest weighs any bucket,
// those it does not weigh lose their weight. It is an error when a phase weighs
// a bucket that neither has, or when buckets' weights cannot be compared
// exactly; then nothing is changed.
func (m *Manifest) Apply(c *db.Catalog) error {
	next := &db.Catalog{Buckets: slices.Clone(c.Buckets), Phases: slices.Clone(c.Phases)}
	if slices.ContainsFunc(m.Buckets, func(b Bucket) bool { return b.Weight != "" }) {
		for i := range next.Buckets {
			next.Buckets[i].Weight = ""
		}
	}
	for _, b := range m.Buckets {
		set := b.Bucket
		if have, ok := next.Bucket(b.Name); ok {
			set.Rule = have.Rule // a manifest has none
			set.Description = cmp.Or(set.Description, have.Description)
			set.Weight = cmp.Or(set.Weight, have.Weight)
		}
		next.SetBucket(set)
	}
	var weights []string
	for _, b := range next.Buckets {
		if strings.Trim(b.Weight, "0.") != "" {
			weights = append(weights, b.Weight)
		}
	}
	if len(weights) > 0 {
		if err := m.weigh(weights); err != nil {
			return fmt.Errorf("buckets and default_weights: %w", err)
		}
	}
	for _, p := range m.Phases {
		for _, w := range p.Weights {
			if _, known := next.Bucket(w.Bucket); !known {
				return fmt.Errorf("training_phases.%s.weights.%s: there is no such bucket, here or in the manifest", p.Name, w.Bucket)
			}
		}
		next.SetPhase(p)
	}
	*c = *next
	return nil
}

// Write writes the catalog as a manifest, with the number of rows each bucket
// has.
func Write(w io.Writer, c *db.Catalog, rows map[string]int64, created time.Time) error {
	type bucket struct {
		Count       int64       `json:"count"`
		Weight      json.Number `json:"weight,omitempty"`
		Description string      `json:"description"`
		Provenance  string      `json:"provenance"`
	}
	type phase struct {
		Description string  `json:"description"`
		Weights     ordered `json:"weights"`
		Samples     int64   `json:"recommended_samples"`
		Epochs      int64   `json:"epochs"`
	}
	total := int64(0)
	var buckets, weights, phases ordered
	for _, b := range c.Buckets {
		total += rows[b.Name]
		buckets = append(buckets, member{b.Name, bucket{rows[b.Name], json.Number(b.Weight), b.Description, "smelt"}})
		if b.Weight != "" {
			weights = append(weights, member{b.Name, json.Number(b.Weight)})
		}
	}
	for _, p := range c.Phases {
		var shares ordered
		for _, w := range p.Weights {
			shares = append(shares, member{w.Bucket, json.Number(w.Weight)})
		}
		phases = append(phases, member{p.Name, phase{p.Description, shares, p.Samples, p.Epochs}})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(ordered{
		{"metadata", ordered{{"created", created.UTC().Format(time.RFC3339)}, {"version", "1.0"}, {"total_examples", total}}},
		{"buckets", buckets}, {"default_weights", weights}, {"training_phases", phases},
	})
}

// ordered is a JSON object whose members keep their order.
type ordered []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o ordered) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		out = append(append(jsontext.AppendQuoted(out, m.name), ':'), value...)
	}
	return append(out, '}'), nil
}
