package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
)

// File is the ledger's entry for one ingested file. Offsets and digests other
// than SHA256 are of its content: the lines it was unpacked and converted to.
// Fields that entries of older stores lack are empty there.
type File struct {
	ID     uint32 `json:"id"`
	Name   string `json:"name"`
	Bucket string `json:"bucket,omitempty"` // --bucket, for rows without their own
	Source string `json:"source,omitempty"` // --source
	Labels string `json:"labels,omitempty"` // --label, as canonical JSON

	Head     string `json:"head"`     // SHA-256 of the first HeadSize bytes, to find the entry
	Offset   int64  `json:"offset"`   // bytes whose rows are committed, always the end of a line
	Prefix   string `json:"prefix"`   // SHA-256 of those bytes; of the whole content when Complete
	Lines    uint64 `json:"lines"`    // lines committed
	Complete bool   `json:"complete"` // the end was reached

	Format string `json:"format,omitempty"` // "jsonl", "csv.gz", ...
	SHA256 string `json:"sha256,omitempty"` // of the file as it is on disk, in hex; when Complete

	Rows     int64  `json:"rows"`              // rows stored
	Removed  int64  `json:"removed,omitempty"` // of these, the deleted ones that Compact has removed
	Rejected int64  `json:"rejected"`          // lines rejected
	Missed   []byte `json:"missed"`            // the rejected lines, a roaring bitmap
	// Reasons counts the rejected lines by reason when the file was last read:
	// the most frequent ones, and all others under one name.
	Reasons map[string]int64 `json:"reasons,omitempty"`
	// Duplicates is the number of rows whose row_hash an earlier row had. It is
	// counted at the end of an ingest, and short by those of one that had none.
	Duplicates int64     `json:"duplicates,omitempty"`
	Started    time.Time `json:"started"`
	Finished   time.Time `json:"finished"`
}

// HeadSize is how much of a file File.Head covers.
const HeadSize = 64 << 10

// RejectedLines is the set of lines that were not stored.
func (f *File) RejectedLines() (*roaring.Bitmap, error) {
	rows := roaring.New()
	if len(f.Missed) == 0 {
		return rows, nil
	}
	if err := rows.UnmarshalBinary(f.Missed); err != nil {
		return nil, corrupt("rejected lines of file %d: %v", f.ID, err)
	}
	return rows, nil
}

// Reject is a line that was not stored, and why.
type Reject struct {
	File   uint32 `json:"file"`
	Line   uint64 `json:"line"`
	Offset int64  `json:"offset"` // of the line in the content, in bytes
	Length int64  `json:"length"` // of the line, in bytes
	Reason string `json:"reason"`
	Text   []byte `json:"text"` // the line, or its beginning when it is long
}

// Files lists the ledger in order of ingestion.
func (d *DB) Files() ([]File, error) {
	var out []File
	err := d.scan([]byte{prefixFile}, func(key, value []byte) error {
		var f File
		if err := unsealJSON(value, &f); err != nil {
			return fmt.Errorf("ledger entry %d: %w", binary.BigEndian.Uint32(key[1:]), err)
		}
		out = append(out, f)
		return nil
	})
	return out, err
}

// File returns one ledger entry; ErrNotFound if there is none.
func (d *DB) File(id uint32) (f File, err error) {
	err = d.get(fileKey(id), func(value []byte) error { return unsealJSON(value, &f) })
	if errors.Is(err, badger.ErrKeyNotFound) {
		return f, fmt.Errorf("ledger entry %d %w", id, ErrNotFound)
	}
	return f, err
}

// Rejects calls fn for every reject of a file, by line. Those that the ledger
// does not list (of a commit cut short, or stored since) are passed over.
func (d *DB) Rejects(file uint32, fn func(Reject) error) error {
	f, err := d.File(file)
	if err != nil {
		return err
	}
	missed, err := f.RejectedLines()
	if err != nil {
		return err
	}
	return d.scan(rejectPrefix(file), func(_, value []byte) error {
		var r Reject
		if err := unsealJSON(value, &r); err != nil {
			return fmt.Errorf("reject of file %d: %w", file, err)
		}
		if !missed.Contains(uint32(r.Line)) {
			return nil
		}
		return fn(r)
	})
}

func putJSON(set func(key, value []byte) error, key []byte, v any) error {
	value, err := sealJSON(v)
	if err != nil {
		return err
	}
	return set(key, value)
}

func badgerSet(txn *badger.Txn) func(key, value []byte) error {
	return func(key, value []byte) error { return txn.Set(key, value) }
}
