package tensorfile

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf8"
)

// Source is a tensor to be written.
type Source struct {
	Name  string
	DType DType // one that is Readable
	Shape []int // outermost dimension first
	// Write writes the tensor's bytes, DType.Size(Shape) of them, as Tensor.Data has them. It is called
	// once, after that of the tensor before it has returned, so what it needs need not exist before. Its
	// error ends the writing of the file, which is how to interrupt it.
	Write func(w io.Writer) error
}

// sizes returns the bytes of each tensor, and checks what both kinds of file ask of it.
func sizes(path string, tensors []Source, size func(DType, []int) (int64, error)) ([]int64, error) {
	seen := make(map[string]bool, len(tensors))
	list := make([]int64, len(tensors))
	var total int64
	for i, t := range tensors {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("%s: writing tensor %s: %w", path, quote(t.Name), fmt.Errorf(format, args...))
		}
		n, err := size(t.DType, t.Shape)
		switch {
		case err != nil:
			return nil, fail("%w", err)
		case !utf8.ValidString(t.Name):
			return nil, fail("its name is not UTF-8")
		case seen[t.Name]:
			return nil, fail("a tensor of this name came before")
		case !t.DType.Readable():
			return nil, fail("type %s is not written", t.DType)
		}
		if total += n; total < 0 {
			return nil, fail("the file is larger than any can be")
		}
		seen[t.Name], list[i] = true, n
	}
	return list, nil
}

// writeTensor writes t, which has size bytes.
func writeTensor(w *bufio.Writer, t Source, size int64) error {
	body := &limited{w, size}
	err := t.Write(body)
	if err == nil && body.left != 0 {
		err = fmt.Errorf("%d bytes of %d were given", size-body.left, size)
	}
	if err != nil {
		return fmt.Errorf("writing tensor %s: %w", quote(t.Name), err)
	}
	return nil
}

// limited refuses what exceeds the size of a tensor.
type limited struct {
	w    *bufio.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, fmt.Errorf("%d bytes more than its type and shape say", int64(len(p))-l.left)
	}
	n, err := l.w.Write(p)
	l.left -= int64(n)
	return n, err
}
