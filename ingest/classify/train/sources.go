package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"smelt/db/row"
	"smelt/ingest"
	"smelt/ingest/classify"
	"smelt/ingest/classify/internal/linear"
)

// source is rows from one origin.
type source struct {
	name   string
	public bool   // a data set, to be held out in turn
	sum    string // SHA-256 of what was read
	rows   []example
}

// example is a row whose bucket is known.
type example struct {
	content row.Content
	bucket  int // position in classify.Buckets

	features []uint32
	shapes   []int
}

// set is a public data set: its natural bucket, its files, and how one of its
// rows is read.
type set struct {
	name, bucket string
	files        []string
	read         func(r io.Reader, add func(row.Content)) error
}

func sets() []set {
	return []set{
		{"gsm8k", "cot_math", []string{"eval/gsm8k_train.jsonl", "eval/gsm8k_test.jsonl"}, lines(gsm8k)},
		{"codealpaca", "code", []string{"train/new_codealpaca.json"}, array},
		{"humaneval", "code", []string{"eval/HumanEval.jsonl.gz"}, lines(humanEval)},
		{"practical_coding", "code", []string{"train/practical_coding.jsonl"}, lines(alpaca)},
		{"apibench", "tool_use", []string{"train/apibench_torchhub_train.json"}, lines(apiBench)},
		{"bfcl", "tool_use", []string{"train/bfcl_simple_python.json"}, lines(bfcl)},
		{"hh_rlhf", "red_team", []string{"train/hh_rlhf_harmless_test.jsonl.gz"}, lines(transcript)},
		{"harmbench", "red_team", []string{"safety/harmbench_behaviors_text_all.csv"}, table("Behavior", "ContextString")},
		{"xstest", "red_team", []string{"safety/xstest_prompts.csv"}, table("prompt", "")},
		{"pubmedqa", "factual", []string{"train/pubmedqa_pqal.json"}, pubMedQA},
		{"alpaca", "instruction", []string{"train/alpaca_1k.jsonl"}, lines(alpaca)},
		{"tinyshakespeare", "creative", []string{"train/tinyshakespeare.txt"}, play},
	}
}

//go:embed examples.txt
var examples string

// load reads all sources. A data set whose files are not there is left out.
func load(data, corpus string, labelled []string) ([]*source, error) {
	sources := []*source{{name: "examples"}, {name: "corpus"}}
	if err := sources[0].readExamples(examples); err != nil {
		return nil, fmt.Errorf("examples.txt: %w", err)
	}
	paths, err := filepath.Glob(filepath.Join(corpus, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	if err := sources[1].readLabelled(paths); err != nil {
		return nil, err
	}
	for _, path := range labelled {
		s := &source{name: filepath.Base(path)}
		if err := s.readLabelled([]string{path}); err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	if data == "" {
		return prepare(sources), nil
	}
	for _, set := range sets() {
		s := &source{name: set.name, public: true}
		err := s.readSet(data, set)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		sources = append(sources, s)
	}
	return prepare(sources), nil
}

func prepare(sources []*source) []*source {
	for _, s := range sources {
		for i := range s.rows {
			e := &s.rows[i]
			e.features, e.shapes = linear.Features(&e.content)
		}
	}
	return sources
}

func (s *source) add(bucket string, c row.Content) error {
	i := slices.Index(classify.Buckets(), bucket)
	if i < 0 {
		return fmt.Errorf("bucket %q is not one of %s", bucket, strings.Join(classify.Buckets(), ", "))
	}
	s.rows = append(s.rows, example{content: c, bucket: i})
	return nil
}

// readExamples reads rows as they are written in examples.txt: a line "=== bucket"
// begins one, a line "---" parts what is asked from what is answered.
func (s *source) readExamples(text string) error {
	s.sum = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	for _, part := range strings.Split("\n"+text, "\n=== ")[1:] {
		bucket, body, _ := strings.Cut(part, "\n")
		asked, answered, _ := strings.Cut("\n"+body+"\n", "\n---\n")
		c := row.Content{Instruction: strings.TrimSpace(asked), Output: strings.Trim(answered, "\n")}
		if err := s.add(bucket, c); err != nil {
			return err
		}
	}
	return nil
}

// readLabelled reads JSONL whose rows have a _bucket.
func (s *source) readLabelled(paths []string) error {
	sum := sha256.New()
	for _, path := range paths {
		err := open(path, sum, func(r io.Reader) error {
			return eachLine(r, func(line []byte) error {
				var label struct {
					Bucket string `json:"_bucket"`
				}
				if err := json.Unmarshal(line, &label); err != nil {
					return err
				}
				c, _, err := ingest.Normalise(bytes.Clone(line))
				if err != nil {
					return err
				}
				return s.add(label.Bucket, c)
			})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	s.sum = fmt.Sprintf("%x", sum.Sum(nil))
	return nil
}

func (s *source) readSet(data string, set set) error {
	sum := sha256.New()
	for _, file := range set.files {
		path := filepath.Join(data, filepath.FromSlash(file))
		var failed error
		err := open(path, sum, func(r io.Reader) error {
			return set.read(r, func(c row.Content) { failed = errors.Join(failed, s.add(set.bucket, c)) })
		})
		if err := errors.Join(err, failed); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	s.sum = fmt.Sprintf("%x", sum.Sum(nil))
	return nil
}

// open calls read with the content of a file, unzipped if it is named .gz.
func open(path string, sum hash.Hash, read func(io.Reader) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := io.TeeReader(f, sum)
	content := r
	if strings.HasSuffix(path, ".gz") {
		if content, err = gzip.NewReader(bufio.NewReader(r)); err != nil {
			return err
		}
	}
	if err := read(content); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r) // so that the sum is the whole file's
	return err
}

func eachLine(r io.Reader, fn func([]byte) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 64<<20)
	for n := 1; in.Scan(); n++ {
		if err := fn(in.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return in.Err()
}

// lines makes a reader of JSONL from one of a line.
func lines(read func([]byte) (row.Content, error)) func(io.Reader, func(row.Content)) error {
	return func(r io.Reader, add func(row.Content)) error {
		return eachLine(r, func(line []byte) error {
			c, err := read(line)
			if err == nil {
				add(c)
			}
			return err
		})
	}
}

// provenance lists the sources a model was made from.
func provenance(sources []*source) string {
	var b strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&b, "%-17s %6d rows  SHA-256 %s\n", s.name, len(s.rows), s.sum)
	}
	return b.String()
}

func table(prompt, context string) func(io.Reader, func(row.Content)) error {
	return func(r io.Reader, add func(row.Content)) error {
		records, err := csv.NewReader(r).ReadAll()
		if err != nil || len(records) == 0 {
			return err
		}
		at, with := slices.Index(records[0], prompt), slices.Index(records[0], context)
		if at < 0 {
			return fmt.Errorf("no column %s", prompt)
		}
		for _, record := range records[1:] {
			c := row.Content{Instruction: record[at]}
			if with >= 0 {
				c.Input = record[with]
			}
			add(c)
		}
		return nil
	}
}
