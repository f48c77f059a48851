package bench

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"smelt/db/row"
	"smelt/ingest"
	"smelt/ingest/classify"
	"smelt/ingest/classify/measure"
	"smelt/ingest/container"
)

// LabelledFile is rows whose bucket is known, in any format and shape that
// ingest reads.
type LabelledFile struct {
	Name string
	// Bucket is that of all rows; empty: each row's _bucket.
	Bucket string
	Open   func() (io.ReadCloser, error)
}

// Classified says how well, and how fast, rows are put into buckets by their text.
type Classified struct {
	Files []ClassifiedFile `json:"files"`
	Rows  int64            `json:"rows"`
	Bytes int64            `json:"bytes"` // of text, which rows hold: fields' names are no part of it

	Classifier Verdict `json:"classifier"`
	Keywords   Verdict `json:"keywords"` // the baseline, measure.Keywords
}

// ClassifiedFile is the part of one file.
type ClassifiedFile struct {
	Name    string   `json:"name"`
	Bucket  string   `json:"bucket,omitempty"` // given for all rows
	Rows    int64    `json:"rows"`
	Right   int64    `json:"right"`    // by the classifier
	Keyword int64    `json:"keywords"` // right by the keyword rules
	Skipped []Reason `json:"skipped"`  // what was no labelled row, most frequent first
}

// Reason is why so many lines of a file were passed over.
type Reason struct {
	Reason string `json:"reason"`
	Lines  int64  `json:"lines"`
}

// Verdict is how good one way to classify is.
type Verdict struct {
	MacroF1   float64            `json:"macro_f1"` // over the buckets that have rows
	Accuracy  float64            `json:"accuracy"`
	Buckets   []measure.Score    `json:"buckets"`
	Confusion *measure.Confusion `json:"confusion"`
	// MBPerCPUSecond is text classified, in 10^6 bytes, by CPU-second: the
	// median of several passes over rows in memory. 0 where it was too
	// little to be measured.
	MBPerCPUSecond float64 `json:"mb_per_cpu_second"`
}

// passes is how often speed is measured; timedBytes bounds the text that is
// kept for it, and leastTime is how long a pass takes at least, so that the
// clock's grain does not show.
const (
	passes     = 5
	timedBytes = 64 << 20
	leastTime  = 100 * time.Millisecond
)

// Classify puts the rows of files into buckets by their text and compares with
// the buckets they are known to have. Lines that are no rows, or rows without a
// bucket, are passed over and counted by reason. It holds up to 64 MiB of text to
// measure speed on, and stops soon after ctx is done.
//
// Figures on rows the classifier was trained on (see classify/weights.txt) say how
// well it remembers. What to expect of new sources is what the program
// classify/train measures by leaving sources out.
func Classify(ctx context.Context, files []LabelledFile) (*Classified, error) {
	c := &classifying{
		ctx:     ctx,
		learned: measure.NewConfusion(classify.Buckets()),
		keyword: measure.NewConfusion(classify.Buckets()),
	}
	for _, f := range files {
		if err := c.file(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if c.result.Rows == 0 {
		return nil, errors.New("no labelled rows: give each row a _bucket, or write BUCKET=FILE")
	}
	var err error
	c.result.Classifier, err = c.verdict(c.learned, func(r *row.Content) { classify.Bucket(r) })
	if err == nil {
		c.result.Keywords, err = c.verdict(c.keyword, func(r *row.Content) { measure.Keywords(r) })
	}
	if err != nil {
		return nil, err
	}
	return &c.result, nil
}

// classifying is the state of Classify.
type classifying struct {
	ctx              context.Context
	result           Classified
	learned, keyword *measure.Confusion
	timed            []row.Content
	timedBytes       int64
}

func (c *classifying) file(f LabelledFile) (err error) {
	in, err := f.Open()
	if err != nil {
		return err
	}
	r, err := container.Open(c.ctx, in, container.Options{Name: f.Name})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	file := ClassifiedFile{Name: f.Name, Bucket: f.Bucket, Skipped: []Reason{}}
	skipped := map[string]int64{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if err := context.Cause(c.ctx); err != nil {
			return err
		}
		truth, content, err := labelledRow(lines.Bytes(), f.Bucket)
		if err != nil {
			skipped[err.Error()]++
			continue
		}
		c.row(&file, truth, content)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for reason, n := range skipped {
		file.Skipped = append(file.Skipped, Reason{reason, n})
	}
	slices.SortFunc(file.Skipped, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), cmp.Compare(a.Reason, b.Reason))
	})
	c.result.Files = append(c.result.Files, file)
	return nil
}

// labelledRow reads a line: the bucket it is known to have and what it says.
func labelledRow(line []byte, bucket string) (string, row.Content, error) {
	if _, reason, refused := container.Refusal(line); refused {
		return "", row.Content{}, errors.New(string(reason))
	}
	content, _, err := ingest.Normalise(line)
	if err != nil {
		return "", row.Content{}, err
	}
	if bucket == "" {
		var label struct {
			Bucket string `json:"_bucket"`
		}
		if json.Unmarshal(line, &label) != nil || label.Bucket == "" {
			return "", row.Content{}, errors.New("no _bucket")
		}
		bucket = label.Bucket
	}
	return bucket, content, nil
}

func (c *classifying) row(file *ClassifiedFile, truth string, content row.Content) {
	called, _ := classify.Bucket(&content)
	keyword := measure.Keywords(&content)
	c.learned.Add(truth, called, 1)
	c.keyword.Add(truth, keyword, 1)
	file.Rows++
	if called == truth {
		file.Right++
	}
	if keyword == truth {
		file.Keyword++
	}
	size := textBytes(&content)
	c.result.Rows++
	c.result.Bytes += size
	if c.timedBytes+size <= timedBytes {
		c.timed = append(c.timed, content)
		c.timedBytes += size
	}
}

func textBytes(c *row.Content) int64 {
	n := len(c.Instruction) + len(c.Input) + len(c.Output)
	for i := range c.Turns {
		n += len(c.Turns[i].Content)
	}
	return int64(n)
}

// verdict sums up a confusion matrix and measures how fast a classifier is.
func (c *classifying) verdict(m *measure.Confusion, run func(*row.Content)) (Verdict, error) {
	v := Verdict{MacroF1: m.MacroF1(), Accuracy: m.Accuracy(), Buckets: m.Scores(), Confusion: m}
	rates := make([]float64, passes)
	for i := range rates {
		start, done := cpuClock(), int64(0)
		for spent := time.Duration(0); spent < leastTime; spent = cpuClock() - start {
			if err := context.Cause(c.ctx); err != nil {
				return v, err
			}
			for k := range c.timed {
				run(&c.timed[k])
			}
			done += c.timedBytes
			if c.timedBytes == 0 {
				return v, nil
			}
		}
		rates[i] = float64(done) / 1e6 / (cpuClock() - start).Seconds()
	}
	slices.Sort(rates)
	v.MBPerCPUSecond = rates[passes/2]
	return v, nil
}
