package query

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/db"
)

// benchStore makes a store of 200,000 rows of about 500 bytes, 5% of them
// duplicates, over four buckets.
func benchStore(b *testing.B) *db.DB {
	b.Helper()
	const rows = 200_000
	buckets := []string{"code", "creative", "factual", "instruction"}
	text := strings.Repeat("the quick brown fox jumps over the lazy dog; ", 10)
	records := make([]string, rows)
	for i := range records {
		id := i
		if i%20 == 19 {
			id = i / 2
		}
		records[i] = fmt.Sprintf(`{"instruction":"task %d","output":%q,"_bucket":%q,"_severity":%d,"_source":"f%d"}`,
			id, text[id%40:], buckets[id%7%4], id%5, i/30_000)
	}
	d := storeRecords(b, b.TempDir(), records, 8192)
	b.Cleanup(func() { _ = d.Close() })
	return d
}

// BenchmarkDraw is a SAMPLE of a tenth of 200,000 rows without writing it:
// candidates, duplicates, quotas, selection, order and digest.
func BenchmarkDraw(b *testing.B) {
	d := benchStore(b)
	for name, src := range map[string]string{
		"weighted": "SAMPLE 20000 FROM buckets WEIGHTED BY (code 40, creative 20, factual 10, instruction 30)",
		"where":    "SAMPLE 10 % FROM buckets WHERE _severity >= 2 AND _source != 'f0' AND NOT holdout(5)",
		"repeat":   "SAMPLE 400000 FROM buckets ON SHORTFALL REPEAT",
		"mix":      "SAMPLE 20000 FROM buckets WEIGHTED BY (code 40, creative 20, factual 10, instruction 30) NESTED ORDER BY MIX",
		"epochs":   "SAMPLE 20000 FROM buckets WEIGHTED BY (code 40, creative 20, factual 10, instruction 30) EPOCHS 5",
		"tokens":   "SAMPLE 10000000 TOKENS ('bytes') FROM buckets WEIGHTED BY (code 40, creative 20, factual 10, instruction 30)",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustSample(b, d, src)
			}
			b.ReportMetric(float64(d.Snapshot().Rows())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// BenchmarkGather writes a drawn tenth of 200,000 rows, in memory and by way of
// the temporary file.
func BenchmarkGather(b *testing.B) {
	d := benchStore(b)
	s := mustSample(b, d, "SAMPLE 10 % FROM buckets")
	_, size, err := s.Write(context.Background(), io.Discard, WriteOptions{})
	require.NoError(b, err)
	for name, window := range map[string]int{"memory": windowBytes, "spilled": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range s.rows(context.Background(), reading{n: len(s.addrs), window: window}) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
