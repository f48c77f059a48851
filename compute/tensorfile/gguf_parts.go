package tensorfile

import (
	"errors"
	"fmt"
	"strings"
)

// part is which of the files of a split model a GGUF file is, from 0; count is 0 for one that is whole.
type part struct{ number, count int }

const maxParts = 1 << 16 // split.count is an uint16

// suffix is what the name of the file ends in.
func (p part) suffix() string { return fmt.Sprintf("-%05d-of-%05d.gguf", p.number+1, p.count) }

// part reads split.no and split.count.
func (f *File) part() (p part, err error) {
	read := func(key string) int {
		v, ok := f.Value(key)
		n, isInt := v.Int()
		if ok && (!isInt || n < 0 || n > maxParts) {
			err = f.badKey(key, "it is not a whole number from 0 to %d", maxParts)
		}
		return int(n)
	}
	p = part{read("split.no"), read("split.count")}
	switch {
	case err != nil:
		return part{}, err
	case p.count <= 1:
		return part{}, nil
	case p.number >= p.count:
		return part{}, f.badKey("split.no", "it is %d of %d parts, counted from 0", p.number, p.count)
	}
	return p, nil
}

// badKey is the error about the value of a key in the one file that f has.
func (f *File) badKey(key, format string, args ...any) error {
	v, _ := f.Value(key)
	return malformed(f.path, "key "+quote(key), offsetIn(f.mappings[0].data, v.raw), format, args...)
}

// withParts returns f, or, if it is one of the files of a split model, the File of all of them.
func (f *File) withParts() (*File, error) {
	p, err := f.part()
	if err == nil && p.count == 0 {
		return f, nil
	}
	whole := &File{format: GGUF, keys: map[string]int{}, names: map[string]int{}}
	if err == nil {
		err = whole.join(f, p)
	}
	if err != nil {
		return nil, errors.Join(err, whole.Close(), f.Close())
	}
	return whole, nil
}

// join opens the parts beside one and adds them all in their order.
func (f *File) join(one *File, p part) error {
	prefix, ok := strings.CutSuffix(one.path, p.suffix())
	if !ok {
		return fmt.Errorf("%s: is part %d of %d of a model, and its name must end in %s for the others to be found; "+
			"or make one file of them: llama-gguf-split --merge", one.path, p.number+1, p.count, p.suffix())
	}
	for i := range p.count {
		opened, want := one, part{i, p.count}
		if i != p.number {
			var err error
			if opened, err = openFile(prefix + want.suffix()); err != nil {
				return fmt.Errorf("part %d of the %d that %s belongs to: %w", i+1, p.count, one.path, err)
			}
		}
		f.mappings = append(f.mappings, opened.mappings...)
		if err := f.addPart(opened, want); err != nil {
			return err
		}
	}
	if v, ok := one.Value("split.tensors.count"); ok {
		if n, _ := v.Int(); n != int64(len(f.tensors)) {
			return one.badKey("split.tensors.count", "it is %d, and the %d parts have %d tensors", n, p.count, len(f.tensors))
		}
	}
	return nil
}

// addPart adds a part's tensors, and of the first one the keys that are not about being split.
func (f *File) addPart(opened *File, want part) error {
	is, err := opened.part()
	switch {
	case err != nil:
		return err
	case opened.format != GGUF || is != want:
		return fmt.Errorf("%s: is not part %d of %d of a GGUF file, which its name says", opened.path, want.number+1, want.count)
	}
	for _, t := range opened.tensors {
		if !f.add(t) {
			return fmt.Errorf("%s: tensor %s: a part before has one of this name", opened.path, quote(t.Name))
		}
	}
	if want.number > 0 {
		return nil
	}
	f.path = opened.path
	for _, e := range opened.metadata {
		if !strings.HasPrefix(e.Key, "split.") {
			f.keys[e.Key] = len(f.metadata)
			f.metadata = append(f.metadata, e)
		}
	}
	return nil
}
