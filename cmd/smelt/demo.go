package main

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"smelt/compute/fileio"
	"smelt/db"
	"smelt/ingest"
	"smelt/query"
)

//go:embed corpus/*.jsonl
var corpus embed.FS

const demoStatement = "SAMPLE 360 FROM buckets WEIGHTED BY PHASE production_balanced"

type demoCmd struct {
	Dir string `placeholder:"DIR" default:"smelt-demo" help:"Where to put the corpus, the store and the mixture (default ./${default})."`
}

// Help is shown by: smelt demo --help.
func (*demoCmd) Help() string {
	return `Writes the bundled example corpus to DIR/corpus, ingests it into DIR/smelt.db and draws an exact
weighted mixture into DIR/mixture.jsonl; makes a small random model in DIR/nano and evaluates it into DIR/eval.
Running it again changes nothing and gives the same digest.`
}

func (c *demoCmd) Run(a *app) error {
	files, err := c.unpack()
	if err != nil {
		return err
	}
	a.DB = filepath.Join(c.Dir, "smelt.db")
	var inputs []ingest.Input
	for _, path := range files {
		in, err := ingest.FileInput(path)
		if err != nil {
			return err
		}
		inputs = append(inputs, in)
	}
	err = a.withStore(true, func(d *db.DB) error {
		_, err := fmt.Fprintf(a.stdout, "$ smelt ingest %s --db %s\n\n", filepath.Join(c.Dir, "corpus", "*.jsonl"), a.DB)
		if err := a.print(err); err != nil {
			return err
		}
		summary, err := a.ingest(d, inputs, ingest.Options{Threads: a.Threads})
		if err != nil {
			return err
		}
		if err := a.print(writeSummary(a.stdout, summary)); err != nil {
			return err
		}
		return c.sample(a, d)
	})
	if err != nil {
		return err
	}
	return c.evaluate(a)
}

// evaluate makes a model that knows nothing, and shows how it is found out.
func (c *demoCmd) evaluate(a *app) error {
	quiet := *a
	quiet.stderr = io.Discard
	model, out := filepath.Join(c.Dir, "nano"), filepath.Join(c.Dir, "eval")
	if !isFile(filepath.Join(model, "config.json")) {
		_, _ = fmt.Fprintf(a.stdout, "\n$ smelt model new --preset nano %s --db %s\n\n", model, a.DB)
		if err := (&modelNewCmd{Dir: model, Preset: "nano", Precision: "f32"}).Run(&quiet); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(a.stdout, "\n$ smelt eval --model %s --task hellaswag --task arc --task truthfulqa --limit 3 --out %s\n\n", model, out)
	e := evalCmd{Model: model, Task: []string{"hellaswag", "arc", "truthfulqa"}, Limit: new(3), Out: out, Precision: "stored", LeadingSpace: "harness"}
	if err := e.Run(&quiet); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.stdout, "\nThe model is random, and three examples tell it from a good one hardly at all: look at the standard errors.")
	return a.print(err)
}

// unpack writes the bundled corpus to disk, so that it can be looked at and
// ingested like anyone's files.
func (c *demoCmd) unpack() ([]string, error) {
	names, err := fs.Glob(corpus, "corpus/*.jsonl")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(c.Dir, "corpus"), 0o755); err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range names {
		data, err := corpus.ReadFile(name)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(c.Dir, filepath.FromSlash(name))
		if err := fileio.WriteAtomic(path, data); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (c *demoCmd) sample(a *app, d *db.DB) error {
	output := filepath.Join(c.Dir, "mixture.jsonl")
	_, _ = fmt.Fprintf(a.stdout, "\n$ smelt query '%s' -o %s --db %s\n\n", demoStatement, output, a.DB)
	q, err := query.Prepare(d, demoStatement, a.queryOptions())
	if err != nil {
		return err
	}
	result, err := q.Run(a.ctx)
	if err != nil {
		return err
	}
	s := result.Sample
	w, err := s.WriteFile(a.ctx, output, query.WriteOptions{Force: true})
	if err != nil {
		return err
	}
	if err := a.print(writeReport(a.stdout, &s.Report, a.look(a.stdout))); err != nil {
		return err
	}
	first := queryCmd{Preview: 3}
	if err := first.preview(a, s); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "\nwrote %s (%s) and %s\n", output, counted(w.Rows, "row"), w.Manifest)
	return a.print(err)
}
