package bench

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/ingest"
	"smelt/query"
	"smelt/query/plan"
)

// BenchmarkWhere is conditions that no index decides, on 50,000 stored rows: the
// megabytes of records, as they came, that a second of one processor gets through.
func BenchmarkWhere(b *testing.B) {
	dir := b.TempDir()
	corpus, store := filepath.Join(dir, "corpus.jsonl"), filepath.Join(dir, "store")
	require.NoError(b, writeCorpusFile(b.Context(), corpus, 50_000))
	_, err := IngestJob{Measure: IngestStore, Corpus: corpus, Store: store}.Run(b.Context())
	require.NoError(b, err)
	for _, condition := range []string{
		"contains(output, 'x')", "length(output) > 1000", "output LIKE '%x%'", "output ILIKE '%x%'", "matches(output, 'x+y')",
		"length(question) > 10 AND _bucket != 'code'",
	} {
		b.Run(condition, func(b *testing.B) {
			require.NoError(b, withStore(store, db.Options{}, func(d *db.DB) error {
				q, err := query.Prepare(d, "SELECT count(*) FROM buckets WHERE "+condition, query.Options{Functions: plan.Functions{Content: ingest.Content}})
				if err != nil {
					return err
				}
				raw, _ := d.Snapshot().Bytes()
				b.SetBytes(raw)
				runs := 0
				used, err := measured(func() error {
					for ; b.Loop(); runs++ {
						if _, err := q.Run(b.Context()); err != nil {
							return err
						}
					}
					return nil
				})
				b.ReportMetric(float64(raw)*float64(runs)/1e6/used.CPU, "MB/cpu-s")
				return err
			}))
		})
	}
}
