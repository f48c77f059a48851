package bench

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"smelt/db"
	"smelt/db/row"
)

// CountStatement counts over two indexed fields, as is measured.
const CountStatement = `SELECT count(*) FROM buckets WHERE _bucket = 'instruction' AND _verified = true`

// WriteCountStore makes a store of so many small rows in dir, for what depends on
// the number of rows alone. Row i is {"instruction":"i",...}; by its row_hash it is
// of bucket instruction with a chance of 54 % and else of code, and verified with a
// chance of 60 %. It returns the number of rows for which both are so.
//
// Segments have segmentRows rows, at most db.MaxSegmentRows; an ingest's have 8,192
// or fewer. It bypasses ingest, so that ten million rows need no file of gigabytes.
func WriteCountStore(ctx context.Context, dir string, rows, segmentRows int) (both int64, err error) {
	d, err := db.Open(dir, db.Options{Create: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	w := d.NewWriter()
	defer w.Close()
	const segmentsPerCommit = 128
	ledger := db.File{ID: w.NewFile(), Name: "counted.jsonl", Started: time.Unix(0, 0).UTC()}
	builder := db.NewSegmentBuilder()
	var hasher row.Hasher
	var record []byte
	for i, segments := 0, 0; i < rows; i++ {
		content := row.Content{Instruction: fmt.Sprint(i)}
		hash := hasher.Sum(&content)
		bucket, verified := countFields(hash)
		if bucket == "instruction" && verified == "true" {
			both++
		}
		record = fmt.Appendf(record[:0], `{"instruction":"%d","output":"","_bucket":%q,"_verified":%s}`, i, bucket, verified)
		if err := builder.Append(hash, record, ledger.ID, uint64(i+1)); err != nil {
			return both, err
		}
		builder.Field([]byte("_bucket"), db.KindText, []byte(bucket))
		builder.Field([]byte("_verified"), db.KindBool, []byte(verified))
		if builder.Rows() < segmentRows && i+1 < rows {
			continue
		}
		if err := w.Add(builder.Finish()); err != nil {
			return both, err
		}
		if segments++; segments%segmentsPerCommit != 0 && i+1 < rows {
			continue
		}
		ledger.Rows, ledger.Lines = int64(i+1), uint64(i+1)
		ledger.Complete, ledger.Finished = i+1 == rows, ledger.Started
		w.PutFile(ledger)
		if err := errors.Join(context.Cause(ctx), w.Commit()); err != nil {
			return both, err
		}
	}
	return both, nil
}

// countFields are a small row's metadata, from a part of its hash.
func countFields(hash row.Hash) (bucket, verified string) {
	u := binary.BigEndian.Uint64(hash[sha256.Size-8:])
	bucket, verified = "code", "false"
	if u%100 < 54 {
		bucket = "instruction"
	}
	if u/100%100 < 60 {
		verified = "true"
	}
	return bucket, verified
}
