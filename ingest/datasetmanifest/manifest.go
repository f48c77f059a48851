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

// Manifest is what a dataset_manifest.json says.
type Manifest struct {
	Buckets []Bucket
	Phases  []db.Phase
}

// Bucket is a bucket of a manifest, and where its rows were.
type Bucket struct {
	db.Bucket
	Source string
	Count  int64
}

// Read parses a manifest. Errors name the place, as in
// training_phases.phase1.weights.code.
func Read(r io.Reader) (*Manifest, error) {
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
	p := &parser{weights: map[string]string{}}
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

// object calls fn for every member of an object; nil has none.
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
		fn(path+"."+name, name, f.Value)
	}
}

func (p *parser) decimal(path string, raw []byte) string {
	number, err := strconv.ParseFloat(string(raw), 64)
	if !jsontext.IsNumber(raw) || err != nil || number < 0 {
		p.fail(path, "a weight is a number from 0 up, not %s", raw)
		return "0"
	}
	if !strings.ContainsAny(string(raw), "eE") {
		return string(raw)
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
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
	}
	p.m.Phases = append(p.m.Phases, phase)
}

// Apply adds the manifest's buckets and phases to the catalog, or replaces
// those of the same names; rules, and descriptions that the manifest leaves out, stay. It
// changes nothing when a phase weighs a bucket that neither has.
func (m *Manifest) Apply(c *db.Catalog) error {
	for _, b := range m.Buckets {
		next := b.Bucket
		if have, ok := c.Bucket(b.Name); ok {
			next.Rule = have.Rule // a manifest has none
			if next.Description == "" {
				next.Description = have.Description
			}
			if next.Weight == "" {
				next.Weight = have.Weight
			}
		}
		c.SetBucket(next)
	}
	for _, p := range m.Phases {
		for _, w := range p.Weights {
			if _, known := c.Bucket(w.Bucket); !known {
				return fmt.Errorf("training_phases.%s.weights.%s: there is no such bucket, here or in the manifest", p.Name, w.Bucket)
			}
		}
		c.SetPhase(p)
	}
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
