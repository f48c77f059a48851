package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/tokenizer"
)

// BenchmarkBuild builds data sets of rows that all differ. On demand these are real:
// SMELT_DATA is a folder with train/alpaca_1k.jsonl and train/new_codealpaca.json,
// SMELT_MODELS one with a GGUF file that has the tokenizer, SMELT_ROWS how many rows
// a data set has.
//
//	SMELT_ROWS=500000 SMELT_DATA=... SMELT_MODELS=... go test -run - -bench Build -benchtime 1x ./compute/train
func BenchmarkBuild(b *testing.B) {
	tok, texts := small(b, "gpt-2", "<|im_start|>", "<|im_end|>"), []chat.Conversation(nil)
	for x := range stream(1000) {
		if len(x.Turns) > 1 {
			texts = append(texts, x.Conversation)
		}
	}
	if data, models := os.Getenv("SMELT_DATA"), os.Getenv("SMELT_MODELS"); data != "" && models != "" {
		tok, texts = realTokenizer(b, models), realRows(b, data)
	}
	rows := 10000
	if n, err := strconv.Atoi(os.Getenv("SMELT_ROWS")); err == nil {
		rows = n
	}
	e := newEncoder(b, tok, "chatml", EncoderOptions{Context: 1024})
	dir := b.TempDir()
	resetPeak()
	var size int
	var st Stats
	for range b.N {
		size = 0
		d, err := Build(b.Context(), dir, "k", e, different(texts, rows, &size), DatasetOptions{BlockTokens: 2048})
		require.NoError(b, err)
		st = d.Stats()
		require.NoError(b, d.Close())
	}
	seconds := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(rows)/seconds, "rows/s")
	b.ReportMetric(float64(st.Tokens)/seconds, "tokens/s")
	b.ReportMetric(float64(size)/1e6/seconds, "MB/s")
	b.ReportMetric(peak(), "peak-MB")
	b.ReportMetric(st.Fill, "fill")
	b.ReportMetric(float64(st.Tokens)/float64(rows), "tokens/row")
}

// different gives n conversations, the texts over and over, each with a number of its own.
func different(texts []chat.Conversation, n int, size *int) iter.Seq2[chat.Example, error] {
	return func(yield func(chat.Example, error) bool) {
		for i := range n {
			from := texts[i%len(texts)].Turns
			x := chat.Example{Bucket: "code"}
			x.Turns = append(x.Turns, from...)
			x.Turns[0].Content += fmt.Sprintf(" (%d)", i)
			for _, t := range x.Turns {
				*size += len(t.Content)
			}
			if !yield(x, nil) {
				return
			}
		}
	}
}

func realTokenizer(b *testing.B, models string) *tokenizer.Tokenizer {
	files, err := filepath.Glob(filepath.Join(models, "*.gguf"))
	require.NoError(b, err)
	require.NotEmpty(b, files)
	tok, err := llama.OpenTokenizer(files[0])
	require.NoError(b, err)
	return tok
}

func realRows(b testing.TB, data string) (all []chat.Conversation) {
	type row struct{ Instruction, Input, Output string }
	var rows []row
	raw, err := os.ReadFile(filepath.Join(data, "train", "new_codealpaca.json"))
	require.NoError(b, err)
	require.NoError(b, json.Unmarshal(raw, &rows))
	raw, err = os.ReadFile(filepath.Join(data, "train", "alpaca_1k.jsonl"))
	require.NoError(b, err)
	for line := range bytes.Lines(raw) {
		var r row
		require.NoError(b, json.Unmarshal(line, &r))
		rows = append(rows, r)
	}
	for _, r := range rows {
		if r.Output != "" {
			all = append(all, turns("u", strings.TrimSuffix(r.Instruction+"\n\n"+r.Input, "\n\n"), "a", r.Output))
		}
	}
	return all
}

// resetPeak and peak are of the process's resident memory, in MB; 0 where Linux does not say.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			return n / 1e3
		}
	}
	return 0
}
