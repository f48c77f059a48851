package finetune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"smelt/compute/train"
)

// StateName is the file of a run's folder that says what the run is.
const StateName = "run.json"

// State is what run.json says. The day of Begun is what templates are told, so that the
// tokens stay the same when a run goes on another day.
type State struct {
	Version   int       `json:"version"` // of this form, 1
	Begun     time.Time `json:"begun"`
	Finished  time.Time `json:"finished,omitzero"` // zero while there is something to do
	Model     string    `json:"model"`             // the path it was given by
	ModelHash string    `json:"model_sha256"`      // of its tensors

	Settings []train.Setting `json:"settings"`
	Options  train.Options   `json:"options"`
	Plan     *Plan           `json:"plan,omitempty"`
	Result   *train.Result   `json:"result,omitempty"`
	Outputs  []Output        `json:"outputs,omitempty"`
	Card     json.RawMessage `json:"about,omitempty"` // what the caller says of the data
}

const stateVersion = 1

// ReadState reads the state of the run in a folder. Without one the error wraps
// fs.ErrNotExist.
func ReadState(dir string) (*State, error) {
	path := filepath.Join(dir, StateName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &State{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("%s: is of version %d, and this program writes %d", path, s.Version, stateVersion)
	}
	return s, nil
}

// write replaces run.json.
func (s *State) write(dir string) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, StateName), text.Bytes())
}

// writeFile replaces a file by one with that text, which is whole when it gets its name.
func writeFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil { // where the system can, the name is durable, too
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}

// removeAbandoned removes what writeFile was writing in a process that was killed.
func removeAbandoned(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		for _, name := range []string{StateName, LossName, CardName} {
			if strings.HasPrefix(e.Name(), "."+name+".") && strings.HasSuffix(e.Name(), ".tmp") {
				_ = os.Remove(filepath.Join(dir, e.Name()))
			}
		}
	}
}

// readBegun returns the state of the run that a folder has, or of a new one.
func readBegun(dir, model string, anew bool, now time.Time) (*State, error) {
	var s *State
	err := fs.ErrNotExist
	if !anew {
		s, err = ReadState(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &State{Version: stateVersion, Begun: now.UTC().Truncate(time.Second), Model: model}, nil
	}
	return s, err
}
