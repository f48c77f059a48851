package db

import (
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Tag is a name for the store as it was: its rows, their values, and the
// buckets and phases. Nothing that a tag needs is removed while it is there.
type Tag struct {
	Name    string    `json:"name"`
	Commit  uint64    `json:"commit"`
	Rows    int64     `json:"rows"` // that were not deleted
	Created time.Time `json:"created"`
}

// tagState is what a snapshot at a tag starts from. Everything else it reads is
// kept by commit.
type tagState struct {
	Manifest *manifest `json:"manifest"`
	Catalog  *Catalog  `json:"catalog"`
}

// Tag names the store as of its last commit; ErrExists if the name is taken.
func (d *DB) Tag(name string) (Tag, error) {
	if name == "" {
		return Tag{}, errors.New("a tag needs a name")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := Tag{Name: name, Commit: d.m.Commit, Rows: d.m.rows() - int64(d.deleted.GetCardinality()), Created: time.Now().UTC()}
	state, err := sealJSON(tagState{d.m, d.catalog})
	if err != nil {
		return Tag{}, err
	}
	e := &Event{Kind: "tag", Detail: name, Time: t.Created}
	err = d.changeManifest(int64(len(state))+smallReserve, e, func(txn *badger.Txn, next *manifest) error {
		if err := mustBeFree(txn, tagKey(name), "tag", name); err != nil {
			return err
		}
		next.Tags++
		return errors.Join(txn.Set(tagStateKey(name), state), putJSON(badgerSet(txn), tagKey(name), t))
	})
	return t, err
}

// Tags lists the tags by name.
func (d *DB) Tags() ([]Tag, error) {
	var out []Tag
	err := d.scan([]byte{prefixTag}, func(key, value []byte) error {
		var t Tag
		if err := unsealJSON(value, &t); err != nil {
			return fmt.Errorf("tag %q: %w", key[1:], err)
		}
		out = append(out, t)
		return nil
	})
	return out, err
}

// DropTag forgets a tag; ErrNotFound if there is none of that name. Snapshots
// taken at it before stay as they are.
func (d *DB) DropTag(name string) error {
	return d.drop("tag", name, func(m *manifest) { m.Tags-- }, tagKey(name), tagStateKey(name))
}

// SnapshotAt returns the store as it was when the tag was made; ErrNotFound if
// there is none of that name. Each call makes a new Snapshot, which reads the
// indexes anew.
func (d *DB) SnapshotAt(tag string) (*Snapshot, error) {
	state, err := d.tagState(tag)
	if err != nil {
		return nil, err
	}
	deleted, err := d.deletedAsOf(state.Manifest)
	if err != nil {
		return nil, fmt.Errorf("tag %q: %w", tag, err)
	}
	return newSnapshot(d, state.Manifest, state.Catalog, deleted), nil
}

func (d *DB) tagState(tag string) (tagState, error) {
	state := tagState{&manifest{}, &Catalog{}}
	err := d.get(tagStateKey(tag), func(value []byte) error { return unsealJSON(value, &state) })
	if errors.Is(err, badger.ErrKeyNotFound) {
		return state, fmt.Errorf("tag %q %w", tag, ErrNotFound)
	}
	if err != nil {
		return state, fmt.Errorf("tag %q: %w", tag, err)
	}
	return state, nil
}
