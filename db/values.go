package db

import "fmt"

// FieldValues returns the value of a metadata field for every row of a segment,
// the zero Value for NULL. It reads that segment's index entry alone.
func (s *Snapshot) FieldValues(name string, segment int) ([]Value, error) {
	meta := &s.m.Segments[segment]
	out := make([]Value, meta.Rows)
	id, known := s.m.fieldID(name)
	if !known {
		return out, nil
	}
	entry, has := meta.index(id)
	if !has {
		return out, nil
	}
	err := s.db.get(indexKey(s.m.Generation, id, uint32(segment), entry.version()), func(value []byte) error {
		e, err := openIndex(value)
		if err != nil {
			return err
		}
		return e.fillValues(out)
	})
	if err != nil {
		return nil, fmt.Errorf("field %s, segment %d: %w", name, segment, err)
	}
	return out, nil
}

// fillValues puts the entry's values in their rows' places.
func (e *indexEntry) fillValues(out []Value) error {
	set := func(row uint32, v Value) error {
		if int(row) >= len(out) {
			return corrupt("row %d of %d", row, len(out))
		}
		out[row] = v
		return nil
	}
	if e.column != nil {
		return e.each(set)
	}
	for i, rows := range e.rows {
		for it := rows.Iterator(); it.HasNext(); {
			if err := set(it.Next(), e.values[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
