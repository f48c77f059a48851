package shell

import (
	"bufio"
	"io"
	"strings"
)

// Lines reads text that nobody types: a file or a pipe, line by line.
type Lines struct{ r *bufio.Reader }

// NewLines returns a Reader of the lines of r.
func NewLines(r io.Reader) *Lines { return &Lines{bufio.NewReader(r)} }

// Read returns the next line.
func (l *Lines) Read(bool) (string, error) {
	line, err := l.r.ReadString('\n')
	if err != nil && line == "" {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
