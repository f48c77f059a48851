package kernel

// plan is what the work is cut into.
type plan struct {
	rows   int // of A that are packed at once
	groups int // of panels of those: a task packs one
	blocks int // of columns
	parts  int // of the rows: a task packs a block of B and multiplies one with it
}

// planned returns the plan for so many threads. All are to finish at about the same
// time, and have some tasks each, so that one that is held up does fewer. But a row of
// A is read again for each block, and a column of B packed again for each part.
func (x *multiply) planned(threads int) plan {
	const (
		groupA = 8 // panels, at most: their lines of one k may all belong into one set of L1
		fewest = 3 // panels of B, the tiles of which fetch all of the next panel of A
	)
	down, across := ceil(x.m, tileRows), ceil(x.n, tileCols)
	down = ceil(down, ceil(down*tileRows*x.words(x.k), blockA))
	widest := min(maxCols, max(blockB/x.words(x.block), tileCols)) / tileCols
	tasks := 1
	if threads > 1 {
		tasks = 4 * threads
		widest = min(widest, max(ceil(across, tasks), fewest))
	}
	blocks := cuts(across, widest, threads)
	return plan{rows: down * tileRows, groups: cuts(down, groupA, threads), blocks: blocks, parts: min(max(tasks/blocks, 1), down)}
}

// cuts returns into how many parts n > 0 things are cut: none has more than most, and
// there are as many for each thread, if n allows.
func cuts(n, most, threads int) int { return min(ceil(ceil(n, most), threads)*threads, n) }

// cut returns the things, from first to before last, of one of the parts n things are
// cut into. The first parts have one more than the last, or as many: so threads that
// take one after the other are apart by one thing at the end.
func cut(n, parts, part int) (first, last int) {
	each, more := n/parts, n%parts
	first = part*each + min(part, more)
	last = first + each
	if part < more {
		last++
	}
	return first, last
}
