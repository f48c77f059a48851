package db

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"smelt/db/row"
)

// identity is what a row is known by, but for its record.
type identity struct {
	hash   row.Hash
	origin Origin
}

// identities reads row_hashes and origins. addrs must ascend.
func (s *Snapshot) identities(ctx context.Context, addrs []uint32) ([]identity, error) {
	rows := make([]identity, len(addrs))
	err := s.Hashes(ctx, addrs, func(i int, h row.Hash) error {
		rows[i].hash = h
		return nil
	})
	if err == nil {
		err = s.Origins(addrs, func(i int, o Origin) error {
			rows[i].origin = o
			return nil
		})
	}
	return rows, err
}

// copyOthers copies the values that neither hold addresses nor belong to the
// dataset: ledger, rejects, catalog and log.
func (c *compactor) copyOthers(ctx context.Context) error {
	wb := c.new.badger.NewWriteBatch()
	defer func() { wb.Cancel() }()
	pending := 0
	err := c.old.scan(nil, func(key, value []byte) error {
		switch key[0] {
		case prefixDataset, prefixDeleted, prefixSample, prefixSampleRows, prefixMissing, keyManifest[0]:
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := verifyValue(key, value); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		// The batch keeps what it is given until it is flushed.
		if err := wb.Set(append([]byte(nil), key...), append([]byte(nil), value...)); err != nil {
			return err
		}
		if pending += len(value); pending < restoreBatch {
			return nil
		}
		pending = 0
		if err := c.new.needSpace(restoreBatch + diskReserve); err != nil {
			return err
		}
		err := wb.Flush()
		wb = c.new.badger.NewWriteBatch()
		return err
	})
	if err != nil {
		return err
	}
	return wb.Flush()
}

// copySamples copies the kept samples, with the addresses that their rows get.
// Deleted rows are named by their row_hashes from now on.
func (c *compactor) copySamples(ctx context.Context) error {
	kept, err := c.old.Samples()
	if err != nil {
		return err
	}
	for _, s := range kept {
		rows, err := c.old.SampleRows(s.Name)
		if err != nil {
			return err
		}
		missing, err := c.old.SampleMissing(s.Name)
		if err != nil {
			return err
		}
		gone := roaring.And(rows, c.snap.deleted)
		err = c.snap.Hashes(ctx, gone.ToArray(), func(_ int, h row.Hash) error {
			missing = append(missing, h)
			return nil
		})
		if err != nil {
			return fmt.Errorf("sample %q: %w", s.Name, err)
		}
		s.Missing = int64(len(missing))
		rows.AndNot(gone)
		if err := c.putSample(s, movedUp(rows, c.snap.deleted), missing); err != nil {
			return fmt.Errorf("sample %q: %w", s.Name, err)
		}
	}
	return nil
}

func (c *compactor) putSample(s Sample, rows *roaring.Bitmap, missing []row.Hash) error {
	bits, err := sealBitmap(rows)
	if err != nil {
		return err
	}
	size := int64(len(bits) + len(missing)*len(row.Hash{}))
	if size > maxFrame {
		return fmt.Errorf("%d of its rows are deleted, too many to keep their row_hashes; drop it first", len(missing))
	}
	if err := c.new.needSpace(size + diskReserve); err != nil {
		return err
	}
	return c.new.badger.Update(func(txn *badger.Txn) error {
		if len(missing) > 0 {
			var hashes []byte
			for _, h := range missing {
				hashes = append(hashes, h[:]...)
			}
			if err := txn.Set(missingKey(s.Name), seal(hashes)); err != nil {
				return err
			}
		}
		if err := txn.Set(sampleRowsKey(s.Name), bits); err != nil {
			return err
		}
		return putJSON(badgerSet(txn), sampleKey(s.Name), s)
	})
}

// movedUp returns the addresses that rows get when the deleted ones are gone:
// each less the number of deleted ones before it. No row may be deleted.
func movedUp(rows, deleted *roaring.Bitmap) *roaring.Bitmap {
	addrs := rows.ToArray()
	gone, before := deleted.Iterator(), uint32(0)
	for i, addr := range addrs {
		for gone.HasNext() && gone.PeekNext() < addr {
			gone.Next()
			before++
		}
		addrs[i] = addr - before
	}
	return roaring.BitmapOf(addrs...)
}

// countRemoved notes in the ledger how many rows of each file go, so that their
// number stays known. Nothing else of a file's entry changes: it says which of the
// file's lines have been read, so ingesting the file again brings none back.
func (c *compactor) countRemoved() error {
	byFile := map[uint32]int64{}
	err := c.snap.Origins(c.snap.deleted.ToArray(), func(_ int, o Origin) error {
		byFile[o.File]++
		return nil
	})
	if err != nil {
		return err
	}
	for id, n := range byFile {
		f, err := c.old.File(id)
		if err != nil {
			return err
		}
		f.Removed += n
		c.w.PutFile(f)
	}
	return nil
}
