package shell

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"smelt/query/ast"
)

// Names are what a store has names for.
type Names struct{ Buckets, Phases, Samples, Fields, Tags []string }

// Completion is how the text before the cursor may go on.
type Completion struct {
	Prefix     string // the end of that text, which a candidate replaces
	Candidates []Candidate
}

// Candidate is one way to go on.
type Candidate struct {
	Text string
	Kind string // what it is: keyword, bucket, command, ...
}

// add keeps those of texts that begin with the prefix, whatever the case.
func (c *Completion) add(kind string, texts ...string) {
	for _, t := range texts {
		if len(t) >= len(c.Prefix) && strings.EqualFold(t[:len(c.Prefix)], c.Prefix) {
			c.Candidates = append(c.Candidates, Candidate{t, kind})
		}
	}
}

// Complete says how the text before the cursor may go on.
func Complete(before string, names Names) Completion {
	if line := strings.TrimLeft(before, " \t"); strings.HasPrefix(line, `\`) {
		return completeCommand(line, names)
	}
	e := ast.Expected(before)
	c := Completion{Prefix: before[e.Prefix.Start:e.Prefix.End]}
	scalar, aggregates := ast.Functions()
	for _, part := range []struct {
		wanted ast.Names
		kind   string
		texts  []string
	}{
		{ast.BucketNames, "bucket", spelt(names.Buckets, c.Prefix)},
		{ast.PhaseNames, "phase", spelt(names.Phases, c.Prefix)},
		{ast.SampleNames, "sample", spelt(names.Samples, c.Prefix)},
		{ast.FieldNames, "field", spelt(names.Fields, c.Prefix)},
		{ast.TagNames, "tag", spelt(names.Tags, "'")},
		{ast.FunctionNames, "function", calls(scalar)},
		{ast.AggregateNames, "function", calls(aggregates)},
	} {
		if e.Names.Has(part.wanted) {
			c.add(part.kind, part.texts...)
		}
	}
	if path, quoted := strings.CutPrefix(c.Prefix, "'"); quoted && e.Names.Has(ast.FilePaths) {
		for _, file := range files(path) {
			c.add("file", "'"+file)
		}
	}
	for _, k := range e.Keywords {
		if c.Prefix != "" && c.Prefix == strings.ToLower(c.Prefix) {
			k = strings.ToLower(k) // as the user writes
		}
		c.add("keyword", k)
	}
	return c
}

// spelt are names as a statement spells them, where prefix has been typed of one.
func spelt(names []string, prefix string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		switch {
		case strings.HasPrefix(prefix, "'"):
			out[i] = "'" + strings.ReplaceAll(name, "'", "''") + "'"
		case strings.HasPrefix(prefix, `"`):
			out[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		default:
			out[i] = ast.Name{Text: name}.String()
		}
	}
	return out
}

func calls(functions []string) []string {
	out := make([]string, len(functions))
	for i, f := range functions {
		out[i] = f + "("
	}
	return out
}

// files are the paths that begin with prefix, folders with a slash behind them.
// Hidden ones are left out unless asked for.
func files(prefix string) []string {
	dir, base := filepath.Split(prefix)
	entries, _ := os.ReadDir(cmp.Or(dir, ".")) // what cannot be read offers nothing
	var out []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base) || base == "" && strings.HasPrefix(name, ".") {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		out = append(out, dir+name)
	}
	return out
}

// completeCommand completes a command's name or its argument.
func completeCommand(line string, names Names) Completion {
	name, argument, hasArgument := strings.Cut(line, " ")
	if !hasArgument {
		c := Completion{Prefix: line}
		c.add("command", commandNames()...)
		return c
	}
	c := Completion{Prefix: strings.TrimLeft(argument, " ")}
	switch name {
	case `\help`, `\h`, `\?`:
		c.add("word", topicNames()...)
	case `\d`:
		c.add("bucket", spelt(names.Buckets, c.Prefix)...)
		c.add("phase", spelt(names.Phases, c.Prefix)...)
		c.add("sample", spelt(names.Samples, c.Prefix)...)
	case `\i`, `\o`:
		c.add("file", files(c.Prefix)...)
	case `\timing`:
		c.add("word", "on", "off")
	}
	return c
}
