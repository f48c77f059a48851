package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// FormatVersion is the store format this package reads and writes.
const FormatVersion = formatDense

const (
	formatFile   = "FORMAT"
	formatPrefix = "smelt store format "
	dataDir      = "data"
)

var (
	// ErrNoStore: there is no store in the directory and none was to be created.
	ErrNoStore = errors.New("no store")
	// ErrInUse: another process, or this one, has the store open.
	ErrInUse = errors.New("in use")
	// ErrFormat: the directory holds something else, or a newer format.
	ErrFormat = errors.New("unknown store format")
	// ErrNoSpace: the disk is too full for what was about to be written.
	ErrNoSpace = errors.New("not enough disk space")
)

// Options of Open. The zero value opens an existing store.
type Options struct {
	// Create makes the store when the directory is missing or empty.
	Create bool
	// Logger receives Badger's warnings and errors; nil discards them.
	Logger *slog.Logger
}

// DB is an open store. It is safe for concurrent use: any number of snapshots
// beside one Writer.
type DB struct {
	dir    string
	badger *badger.DB

	writing  sync.Mutex // held by the one Writer
	reads    atomic.Uint32
	mu       sync.RWMutex // for what follows
	m        *manifest
	catalog  *Catalog
	deleted  *roaring.Bitmap // as of m; replaced, never changed
	snapshot *Snapshot       // of the three; nil until one is taken
}

// Open opens the store in dir. Errors wrap ErrNoStore, ErrInUse, ErrFormat or
// ErrCorrupt. What an interrupted commit left behind is removed. A store of an
// older format is brought to this one, which the log tells of.
func Open(dir string, opt Options) (*DB, error) {
	d := &DB{dir: dir}
	version, err := checkDir(dir)
	if err != nil {
		return nil, err
	}
	exists := version > 0
	if !exists && !opt.Create {
		return nil, fmt.Errorf("%w in %s; make one with: smelt ingest FILE --db %s", ErrNoStore, dir, dir)
	}
	err = d.openFiles(exists, badgerOptions(filepath.Join(dir, dataDir), opt.Logger))
	switch {
	case err == nil:
	case errors.Is(err, ErrInUse) || strings.Contains(err.Error(), "directory lock"):
		return nil, fmt.Errorf("store %s is %w by %s; wait for it to finish, or end it", dir, ErrInUse, lockHolder(dir))
	case errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "permission denied"):
		return nil, fmt.Errorf("open store %s: smelt must be able to write to its store, even to read it; change its permissions or copy it: %w", dir, err)
	default:
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	if err := d.load(version); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), d.badger.Close())
	}
	return d, nil
}

// openFiles opens Badger, on files that have been checked if they exist.
func (d *DB) openFiles(exist bool, opt badger.Options) error {
	if !exist {
		if err := os.MkdirAll(d.dir, 0o755); err != nil {
			return err
		}
	}
	if err := d.needSpace(smallReserve); err != nil {
		return err
	}
	if exist {
		err := finishSwap(d.dir)
		if err == nil {
			err = whileUnused(opt.Dir, func() error { return checkFiles(opt) })
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = corrupt("%v", err)
		}
		if err != nil {
			return err
		}
	}
	var err error
	d.badger, err = openBadger(opt)
	return err
}

func lockHolder(dir string) string {
	pid, err := os.ReadFile(filepath.Join(dir, dataDir, "LOCK"))
	if err != nil || len(pid) == 0 {
		return "another process"
	}
	return "process " + strings.TrimSpace(string(pid))
}

// badgerOptions are the measured settings of DESIGN section 6: values in the
// value log, no compression or cache of Badger's own, small memtables, every
// commit synced. Value log files are small because Badger maps them whole and
// mapped pages count as memory.
func badgerOptions(dir string, log *slog.Logger) badger.Options {
	opt := badger.DefaultOptions(dir).
		WithValueThreshold(1 << 10).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithMemTableSize(16 << 20).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithValueLogFileSize(64 << 20).
		WithDetectConflicts(false).
		WithSyncWrites(true).
		WithMetricsEnabled(false).
		WithLogger(nil)
	if log != nil {
		opt = opt.WithLogger(badgerLogger{log})
	}
	return opt
}

// badgerLogger passes Badger's printf-style messages on, one level lower: what
// Badger calls information is of use only to someone debugging the store.
type badgerLogger struct{ log *slog.Logger }

func (l badgerLogger) say(level slog.Level, format string, args []any) {
	l.log.Log(context.Background(), level, strings.TrimSpace(fmt.Sprintf(format, args...)), "from", "badger")
}
func (l badgerLogger) Errorf(f string, a ...any)   { l.say(slog.LevelError, f, a) }
func (l badgerLogger) Warningf(f string, a ...any) { l.say(slog.LevelWarn, f, a) }
func (l badgerLogger) Infof(f string, a ...any)    { l.say(slog.LevelDebug, f, a) }
func (l badgerLogger) Debugf(f string, a ...any)   { l.say(slog.LevelDebug, f, a) }

// load reads the manifest and catalog and removes what lies beyond them. version
// is the one the format marker says. For a new store (0) it writes both first, and
// then the marker: behind a marker, a missing manifest is damage, never an empty store.
func (d *DB) load(version int) error {
	if version == 0 {
		if err := d.create(); err != nil {
			return err
		}
	}
	d.m, d.catalog = &manifest{}, &Catalog{}
	for _, part := range []struct {
		name string
		key  []byte
		into any
	}{{"manifest", keyManifest, d.m}, {"catalog", keyCatalog, d.catalog}} {
		err := d.get(part.key, func(value []byte) error { return unsealJSON(value, part.into) })
		if errors.Is(err, badger.ErrKeyNotFound) {
			err = corrupt("it is missing")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	switch {
	case d.m.Format > FormatVersion:
		return newerFormat("its manifest", d.m.Format)
	case d.m.Format < FormatVersion:
		if err := d.upgrade(); err != nil {
			return fmt.Errorf("upgrade the store's format: %w", err)
		}
	case version > 0 && version < FormatVersion:
		if err := writeMarker(d.dir); err != nil {
			return err
		}
	}
	var err error
	if d.deleted, err = d.deletedAsOf(d.m); err != nil {
		return err
	}
	return errors.Join(d.removeOrphans(), removeUnswapped(d.dir))
}

// deletedAsOf reads the deleted rows that a manifest names.
func (d *DB) deletedAsOf(m *manifest) (*roaring.Bitmap, error) {
	rows := roaring.New()
	if m.Deleted == 0 {
		return rows, nil
	}
	err := d.get(deletedKey(m.Deleted), func(value []byte) error { return unsealBitmap(value, rows) })
	if errors.Is(err, badger.ErrKeyNotFound) {
		err = corrupt("it is missing")
	}
	if err == nil && !rows.IsEmpty() && int64(rows.Maximum()) >= m.rows() {
		err = corrupt("row %d of %d", rows.Maximum(), m.rows())
	}
	if err != nil {
		return nil, fmt.Errorf("deleted rows: %w", err)
	}
	return rows, nil
}

func (d *DB) create() error {
	m := &manifest{Format: FormatVersion, Generation: 1}
	err := d.get(keyManifest, func(value []byte) error { return unsealJSON(value, m) })
	if err == nil && m.Commit > 0 {
		return fmt.Errorf("%w: there is a store, but its %s file is missing; write %q into it", ErrFormat, formatFile, fmt.Sprint(formatPrefix, FormatVersion))
	}
	if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
		return err
	}
	err = d.badger.Update(func(txn *badger.Txn) error {
		return errors.Join(putJSON(badgerSet(txn), keyManifest, m), putJSON(badgerSet(txn), keyCatalog, BuiltinCatalog()))
	})
	if err != nil {
		return err
	}
	return writeMarker(d.dir)
}

// openEmpty opens Badger in dir, which holds no store, and writes nothing.
func openEmpty(dir string) (*DB, error) {
	d := &DB{dir: dir}
	return d, d.openFiles(false, badgerOptions(filepath.Join(dir, dataDir), nil))
}

// removeOrphans deletes dataset keys that no manifest names: the values of a
// commit whose manifest was never written. Left in place they would be taken
// for the columns of the next segment with that number.
func (d *DB) removeOrphans() error {
	next := uint32(len(d.m.Segments))
	var keys [][]byte
	collect := func(prefix, from []byte) error {
		return d.keys(prefix, from, func(key []byte) error {
			keys = append(keys, append([]byte(nil), key...))
			return nil
		})
	}
	segments := datasetPrefix(d.m.Generation, kindSegment)
	if err := collect(segments, segmentPrefix(d.m.Generation, next)); err != nil {
		return err
	}
	for id := range d.m.Fields {
		if err := collect(indexPrefix(d.m.Generation, uint16(id)), indexKey(d.m.Generation, uint16(id), next, 0)); err != nil {
			return err
		}
	}
	unknown := indexPrefix(d.m.Generation, uint16(len(d.m.Fields)))
	if err := collect(datasetPrefix(d.m.Generation, kindIndex), unknown); err != nil {
		return err
	}
	if len(keys) == 0 {
		return nil
	}
	wb := d.badger.NewWriteBatch()
	defer wb.Cancel()
	for _, key := range keys {
		if err := wb.Delete(key); err != nil {
			return err
		}
	}
	return wb.Flush()
}

// Dir is the store's directory.
func (d *DB) Dir() string { return d.dir }

// Close closes the store. Snapshots must not be used afterwards.
func (d *DB) Close() error { return d.badger.Close() }

// get calls fn with the value of key, valid during the call only.
func (d *DB) get(key []byte, fn func(value []byte) error) error {
	return d.badger.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		return item.Value(fn)
	})
}

// touched notes that a column was read, and now and then gives mapped pages
// back. The system maps up to 2 MB around a page that is read, so columns are
// counted rather than bytes.
func (d *DB) touched() {
	if d.reads.Add(1)%32 == 0 {
		d.releaseMapped()
	}
}

// keys calls fn for every key with the prefix, from `from` on, in key order.
func (d *DB) keys(prefix, from []byte, fn func(key []byte) error) error {
	return d.badger.View(func(txn *badger.Txn) error {
		opt := badger.DefaultIteratorOptions
		opt.PrefetchValues = false
		opt.Prefix = prefix
		it := txn.NewIterator(opt)
		defer it.Close()
		for it.Seek(from); it.Valid(); it.Next() {
			if err := fn(it.Item().Key()); err != nil {
				return err
			}
		}
		return nil
	})
}

// scan calls fn for every key and value with the prefix, in key order. Both
// are valid during the call only.
func (d *DB) scan(prefix []byte, fn func(key, value []byte) error) error {
	return d.badger.View(func(txn *badger.Txn) error {
		opt := badger.DefaultIteratorOptions
		opt.PrefetchValues = false
		opt.Prefix = prefix
		it := txn.NewIterator(opt)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			item := it.Item()
			if err := item.Value(func(value []byte) error { return fn(item.Key(), value) }); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *DB) current() *manifest {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.m
}
