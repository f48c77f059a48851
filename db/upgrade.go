package db

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
)

// Formats of a store. The manifest says which one the values have; the FORMAT
// file says which smelt may open the store.
//
//	1  a row's address is segment<<16 | row; the manifest names no format
//	2  rows are numbered densely across segments
const formatDense = 2

// upgrade brings a store of an older format to this one. The FORMAT file comes
// first, so that no older smelt reads what it would take for something else;
// the values, the manifest and the log's event follow in one transaction.
// After a kill between the two, the next opening goes on.
func (d *DB) upgrade() error {
	from := max(d.m.Format, 1)
	if err := d.needSpace(diskReserve); err != nil {
		return err
	}
	if err := writeMarker(d.dir); err != nil {
		return err
	}
	e := Event{Kind: "upgrade", Detail: fmt.Sprintf("from store format %d to %d", from, FormatVersion)}
	return d.changeManifest(smallReserve, &e, func(txn *badger.Txn, next *manifest) error {
		next.Format = FormatVersion
		return renumber(txn, next)
	})
}

// renumber rewrites everything that holds addresses of format 1: the rows of
// kept samples, and the deleted rows. Deleted rows of earlier commits, which no
// snapshot of a store just opened shows, go.
func renumber(txn *badger.Txn, m *manifest) error {
	starts := m.starts()
	it := txn.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	for _, prefix := range [][]byte{{prefixSampleRows}, {prefixDeleted}} {
		for it.Seek(prefix); it.ValidForPrefix(prefix); it.Next() {
			key := it.Item().KeyCopy(nil)
			if prefix[0] == prefixDeleted && string(key) != string(deletedKey(m.Deleted)) {
				if err := txn.Delete(key); err != nil {
					return err
				}
				continue
			}
			rows := roaring.New()
			err := it.Item().Value(func(value []byte) error { return unsealBitmap(value, rows) })
			if err == nil {
				rows, err = starts.denseOf(rows)
			}
			if err != nil {
				return fmt.Errorf("rows at key %q: %w", key, err)
			}
			bits, err := sealBitmap(rows)
			if err != nil {
				return err
			}
			if err := txn.Set(key, bits); err != nil {
				return err
			}
		}
	}
	return nil
}

// denseOf turns addresses of format 1 into dense ones.
func (s segmentStarts) denseOf(old *roaring.Bitmap) (*roaring.Bitmap, error) {
	addrs := old.ToArray()
	for i, addr := range addrs {
		segment, row := int(addr>>16), uint64(addr&0xFFFF)
		if segment >= len(s)-1 || row >= s[segment+1]-s[segment] {
			return nil, corrupt("no row %d in segment %d", row, segment)
		}
		addrs[i] = uint32(s[segment] + row)
	}
	return roaring.BitmapOf(addrs...), nil
}
