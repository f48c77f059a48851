package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"smelt/compute/tensorfile"
)

// errNewer says that a checkpoint is whole, but of a later version of this package.
var errNewer = errors.New("a newer version of smelt made it")

// read reads the state.json of a checkpoint, and checks it against its own sum.
func (c *checkpoints) read(step int) (checkpoint, error) {
	path := filepath.Join(c.path(step), stateName)
	text, err := os.ReadFile(path)
	if err != nil {
		return checkpoint{}, err
	}
	k, err := unseal(text)
	if err == nil && k.State.Step != step {
		err = fmt.Errorf("it is of step %d", k.State.Step)
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// unseal is the inverse of seal.
func unseal(text []byte) (k checkpoint, err error) {
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return k, err
	}
	var body bytes.Buffer
	if err := json.Compact(&body, s.Checkpoint); err != nil {
		return k, err
	}
	if digest := sha256.Sum256(body.Bytes()); hex.EncodeToString(digest[:]) != s.SHA256 {
		return k, errors.New("it is not what was written: its SHA-256 is another")
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(body.Bytes(), &version); err != nil {
		return k, err
	}
	if version.Format > checkpointFormat {
		return k, fmt.Errorf("format %d: %w", version.Format, errNewer)
	}
	return k, json.Unmarshal(body.Bytes(), &k)
}

// verify checks the files of a checkpoint against their sums.
func (c *checkpoints) verify(step int, k checkpoint) error {
	if !slices.ContainsFunc(k.Files, func(f file) bool { return f.Name == tensorsName }) {
		return fmt.Errorf("%s: it has no %s", c.path(step), tensorsName)
	}
	for _, want := range k.Files {
		path := filepath.Join(c.path(step), filepath.Base(want.Name))
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() != want.Bytes {
			return fmt.Errorf("%s: it has %d bytes and had %d", path, info.Size(), want.Bytes)
		}
		is, err := sum(path)
		if err != nil {
			return err
		}
		if is != want {
			return fmt.Errorf("%s: it is not what was written: its SHA-256 is another", path)
		}
	}
	return nil
}

// load reads the tensors of a checkpoint that was verified: parameters, and if moments is set those.
func (c *checkpoints) load(step int, z *optimizer, moments bool) (err error) {
	path := filepath.Join(c.path(step), tensorsName)
	f, err := tensorfile.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	find := func(kind, name string) (*tensorfile.Tensor, error) {
		if t := f.Tensor(kind + " " + name); t != nil {
			return t, nil
		}
		return nil, fmt.Errorf("%s: there is no tensor %q", path, kind+" "+name)
	}
	floats := func(kind, name string, into []float32) error {
		t, err := find(kind, name)
		if err != nil {
			return err
		}
		x, err := t.Float32()
		if err == nil && len(x) != len(into) {
			err = fmt.Errorf("%s: tensor %q has %d numbers, and the model %d", path, t.Name, len(x), len(into))
		}
		if err != nil {
			return err
		}
		copy(into, x)
		t.Advise(tensorfile.DontNeed)
		return nil
	}
	words := func(name string, into []byte) error {
		t, err := find("moments", name)
		if err != nil {
			return err
		}
		x, err := t.Uint16()
		if err == nil && 2*len(x) != len(into) {
			err = fmt.Errorf("%s: tensor %q has %d bytes, and the model %d", path, t.Name, 2*len(x), len(into))
		}
		if err != nil {
			return err
		}
		for i, w := range x {
			binary.LittleEndian.PutUint16(into[2*i:], w)
		}
		t.Advise(tensorfile.DontNeed)
		return nil
	}
	for i, p := range z.parameters {
		err := floats("parameter", p.Name, p.Data)
		if m := z.moments[i]; moments && err == nil {
			if m.coded != nil {
				err = words(p.Name, m.coded.Bytes())
			} else if err = floats("first", p.Name, m.first); err == nil {
				err = floats("second", p.Name, m.second)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
