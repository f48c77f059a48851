package train

// list grows without being copied, which for millions of rows would leave as much
// garbage as it holds.
type list[T any] struct {
	parts [][]T // of listPart elements, but for the last
	n     int
}

const listPart = 1 << 16

func (l *list[T]) add(x T) {
	if l.n%listPart == 0 {
		l.parts = append(l.parts, nil)
	}
	last := len(l.parts) - 1
	l.parts[last] = append(l.parts[last], x)
	l.n++
}

func (l *list[T]) at(i int) *T { return &l.parts[i/listPart][i%listPart] }
