package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkWorker is what becomes of one chunk of lines: scanned, recognised,
// labelled, hashed and put into a segment.
func BenchmarkWorker(b *testing.B) {
	const rows = 4096
	answer := strings.Repeat("Eat a balanced diet, sleep well and take a walk. ", 10)
	for _, c := range []struct{ name, format string }{
		{"alpaca", `{"instruction": "Give %d tips for staying healthy.", "input": "", "output": "1. %s\n2. Rest.", "_bucket": "instruction"}`},
		{"sharegpt", `{"conversations": [{"from": "human", "value": "Give %d tips."}, {"from": "gpt", "value": "%s"}], "_bucket": "instruction"}`},
		{"preference", `{"chosen": "\n\nHuman: Give %d tips.\n\nAssistant: %s", "rejected": "\n\nHuman: Give tips.\n\nAssistant: No.", "_bucket": "instruction"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			var data []byte
			for i := range rows {
				data = fmt.Appendf(data, c.format+"\n", i, answer)
			}
			opt := Options{Source: "bench"}
			labels, err := newLabels(&opt)
			require.NoError(b, err)
			w := newWorker(labels, newStore(b).Catalog(), defaultMaxLine)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				ch := &chunk{data: data, pieces: []piece{{file: &source{source: []byte("f")}, to: len(data), line: 1}}}
				w.work(ch, nil)
				require.EqualValues(b, rows, ch.pieces[0].rows)
			}
		})
	}
}
