package ingest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db"
)

// Any bytes are a line: at most one row, which is what RowHash says of its
// record, or one reject.
func FuzzLine(f *testing.F) {
	for i := range 4 {
		f.Add([]byte(example(i)))
	}
	for _, s := range []string{
		"", " \t\r", "{}", "[", `{"instruction":"a","output":"b","_bucket":"factual","_x":null}`, `{"instruction":"\ud800","output":""}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","tool_calls":[{"b":1e2,"a":[]}]}],"_label":{"a":[1]}}`,
		`{"conversations":[{"from":"system","value":"\u0000"},{"from":"gpt","value":"\u001f"}]} `, "{\"prompt\":\"\xff\"}", `{"_n":1e999,"question":"q","answer":"a"}`,
		`{"instruction":"a","output":"b","__a\u0000":"\u001b"}`, `{"messages":[{}]}`, "{\"instruction\":\"a\",\"output\":\"b\"}\n\n{}", `{"messages":[null,[],{"role":null}]}`,
	} {
		f.Add([]byte(s))
	}
	opt := Options{Bucket: "code", Source: "s", Labels: []Label{{"_label", "1"}}}
	labels, err := newLabels(&opt)
	require.NoError(f, err)
	d := newStore(f)
	w := newWorker(labels, d.Catalog(), 1<<16)
	f.Fuzz(func(t *testing.T, line []byte) {
		line, _, _ = bytes.Cut(line, []byte{'\n'})
		before := bytes.Clone(line)
		c := &chunk{data: line, pieces: []piece{{file: &source{source: []byte("f")}, to: len(line), line: 1}}}
		w.work(c, nil)
		assert.Equal(t, before, line, "the input is only read")
		p := &c.pieces[0]
		trimmed := bytes.Trim(line, " \t\r")
		if len(trimmed) == 0 {
			assert.Zero(t, p.rows)
			assert.Empty(t, p.rejects)
			return
		}
		require.EqualValues(t, 1, p.rows+int64(len(p.rejects)))
		if p.rows == 0 {
			assert.NotEmpty(t, p.rejects[0].Reason)
			assert.Zero(t, c.segment.Rows())
			return
		}
		assert.Equal(t, 1, c.segment.Rows())
		record := w.out.record
		require.NoError(t, jsontext.Check(record))
		require.True(t, bytes.HasPrefix(record, trimmed[:len(trimmed)-1]), "what was there stays")
		hash, err := RowHash(record)
		require.NoError(t, err)
		fields, err := jsontext.Object(trimmed, nil)
		require.NoError(t, err)
		content, _, err := new(normaliser).normalise(fields)
		require.NoError(t, err)
		assert.Equal(t, w.hasher.Sum(&content), hash)
		again, _, err := Normalise(record)
		require.NoError(t, err)
		assert.Equal(t, w.hasher.Sum(&again), hash, "labels are no part of it")
		assert.LessOrEqual(t, w.out.bucket, len(d.Catalog().Buckets))
		assert.LessOrEqual(t, len(c.segment.Fields()), db.MaxFields)

		// The record again, as a line, is the same row unchanged.
		stored := bytes.Clone(record)
		c = &chunk{data: bytes.Clone(record), pieces: []piece{{file: &source{}, to: len(record), line: 1}}}
		w.work(c, nil)
		require.EqualValues(t, 1, c.pieces[0].rows)
		assert.Equal(t, string(stored), string(w.out.record))
	})
}
