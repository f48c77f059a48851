package kernel

import "math"

// queryRows is what a block of queries needs; its rows are 12 of each head in turn, and
// count rows of the document from first on, or zeros where that has ended.
type queryRows struct {
	first, count int
	rows         int       // in all heads, a multiple of 12
	s, dp        []float32 // [rows][32]
	dq           []float32 // [rows/12][Dim/32][12][32]
	turned       []uint32  // dp: [rows/12][keys][12]
	lines        []float32 // [rows][Dim], queries and then dout
	q, dout      []uint32  // [rows/12][Dim][12]
	qT, doutT    []uint32  // [Dim/12][rows][12]
	lse, delta   []float32 // of a row, lse times log2(e)
}

// runQueries does a task.
func (b *backward) runQueries(u *gradientUnit, run int, s *scratch) {
	begin, end := b.queries(u, run)
	sums := floats(u.sums[b.runSums(u, run):])
	rows := b.blockRows() * b.group()
	space := s.get(rows * (2*tileCols + b.widthB() + gradientKeys + 4*b.Dim + 2*b.widthA() + 2))
	r := queryRows{
		s: floats(carve(&space, rows*tileCols)), dp: floats(carve(&space, rows*tileCols)),
		dq: floats(carve(&space, rows*b.widthB())), turned: carve(&space, rows*gradientKeys), lines: floats(carve(&space, 2*rows*b.Dim)),
		q: carve(&space, rows*b.Dim), dout: carve(&space, rows*b.Dim),
		qT: carve(&space, rows*b.widthA()), doutT: carve(&space, rows*b.widthA()),
		lse: floats(carve(&space, rows)), delta: floats(carve(&space, rows)),
	}
	for first := begin; first < end; first += b.blockRows() {
		r.first, r.count = first, min(b.blockRows(), end-first)
		b.packQueries(u, &r)
		for k0 := 0; k0 < first+r.count; k0 += gradientKeys {
			keys := min(gradientKeys, u.rows-k0)
			for key := k0; key < min(k0+keys, first+r.count); key += tileCols {
				// The sums of keys that are first seen by these queries begin here.
				mode := resume
				if first == begin || key >= first {
					mode = 0
				}
				b.keyPanel(u, &r, key, sums[key/tileCols*b.panelSums():][:b.panelSums()], mode)
			}
			b.addQueries(u, &r, k0, keys)
		}
		b.storeQueries(u, &r)
	}
}

// packQueries fills r for its rows.
func (b *backward) packQueries(u *gradientUnit, r *queryRows) {
	panels := ceil(r.count, tileRows)
	r.rows = panels * tileRows * b.group()
	queries, douts := r.lines[:r.rows*b.Dim], r.lines[r.rows*b.Dim:][:r.rows*b.Dim]
	for row := range panels * tileRows {
		for group := range b.group() { // the heads of a row lie side by side
			i := b.index(row, group)
			q, dout := queries[i*b.Dim:][:b.Dim], douts[i*b.Dim:][:b.Dim]
			if row >= r.count {
				clear(q)
				clear(dout)
				r.lse[i], r.delta[i] = 0, 0
				continue
			}
			at, head := u.row+r.first+row, u.head*b.group()+group
			copy(q, b.head(b.x.Q, at, head))
			copy(dout, b.head(b.dout, at, head))
			r.lse[i] = b.lse[head*b.x.Q.Rows+at] * math.Log2E
			r.delta[i] = dot(dout, b.head(b.out, at, head))
		}
	}
	for _, part := range []struct {
		lines         []float32
		rows, columns []uint32
	}{{queries, r.q, r.qT}, {douts, r.dout, r.doutT}} {
		b.pack(part.rows, tileRows, source{part.lines, b.Dim, true}, r.rows, b.Dim)
		b.pack(part.columns, tileRows, source{part.lines, b.Dim, false}, b.Dim, r.rows)
	}
}

// index returns where among a block's rows that of a query of a head of the group is.
func (b *backward) index(row, group int) int {
	return (row/tileRows*b.group()+group)*tileRows + row%tileRows
}

// row returns the query that a block's row i is of.
func (b *backward) row(i int) int { return i/tileRows/b.group()*tileRows + i%tileRows }

// head returns a head of a row of m.
func (b *backward) head(m Matrix, row, head int) []float32 {
	return m.Data[row*m.stride()+head*b.Dim:][:b.Dim]
}

// visibleFrom returns the first of r's rows that is not before the key, or is in the
// same panel of 12 queries.
func (b *backward) visibleFrom(r *queryRows, key int) int {
	return max(0, key-r.first) / tileRows * tileRows * b.group()
}

// keyPanel does what 32 keys from key on have to do with the rows of r: sums are the
// keys' of dv and dk, and go on or begin by mode; ds is turned into its place.
func (b *backward) keyPanel(u *gradientUnit, r *queryRows, key int, sums []float32, mode int) {
	from := b.visibleFrom(r, key)
	keysT, valuesT := &u.keysT[key*b.Dim], &u.valuesT[key*b.Dim]
	for i := from; i < r.rows; i += tileRows {
		next := min((i+tileRows)*b.Dim, len(r.q)-1)
		b.tile(b.Dim, &r.q[i*b.Dim], keysT, &r.q[next], &r.s[i*tileCols], nil, 0, 0, 0)
		b.tile(b.Dim, &r.dout[i*b.Dim], valuesT, &r.dout[next], &r.dp[i*tileCols], nil, 0, 0, 0)
	}
	b.maskRows(r, from, key)
	c := float32(float64(b.scale()) * math.Log2E)
	s, dp := r.s[from*tileCols:r.rows*tileCols], r.dp[from*tileCols:r.rows*tileCols]
	gradientTile(s, dp, r.lse[from:r.rows], r.delta[from:r.rows], c)

	half := len(sums) / 2
	for _, product := range []struct {
		a    []uint32
		b    *uint32
		sums []float32
	}{{r.doutT, word(&s[0]), sums[:half]}, {r.qT, word(&dp[0]), sums[half:]}} {
		for d := 0; d < b.widthA(); d += tileRows {
			next := min((d+tileRows)*r.rows, len(product.a)-1)
			b.tile(r.rows-from, &product.a[d*r.rows+from*tileRows], product.b, &product.a[next], &product.sums[d*tileCols], nil, 0, 0, mode)
		}
	}
	for i := from; i < r.rows; i += tileRows {
		b.pack(r.turned[i*gradientKeys+key%gradientKeys*tileRows:], tileRows, source{r.dp[i*tileCols:], tileCols, true}, tileRows, tileCols)
	}
}

// maskRows makes the scores of keys after a query minus infinity.
func (b *backward) maskRows(r *queryRows, from, key int) {
	masked := float32(math.Inf(-1))
	for i := from; i < r.rows; i++ {
		row := b.row(i)
		seen := r.first + row - key + 1
		if seen >= tileCols {
			if i%tileRows == 0 {
				return // nothing is masked from here on
			}
			continue
		}
		s := r.s[i*tileCols:][:tileCols]
		for j := max(seen, 0); j < tileCols; j++ {
			s[j] = masked
		}
	}
}

// addQueries adds to dq what the block of keys from k0 on has for it.
func (b *backward) addQueries(u *gradientUnit, r *queryRows, k0, keys int) {
	mode := 0
	if k0 > 0 {
		mode = resume
	}
	block := u.keys[k0*b.widthB():]
	for i := 0; i < r.rows; i += tileRows {
		row := b.row(i)
		// What keyPanel has turned: 32 keys at a time.
		seen := min(ceil(min(r.first+row+tileRows, r.first+r.count)-k0, tileCols)*tileCols, keys)
		if seen <= 0 {
			continue
		}
		for d := 0; d < b.widthB(); d += tileCols {
			b.tile(seen, &r.turned[i*gradientKeys], &block[d*keys], &r.turned[min(i+tileRows, r.rows-tileRows)*gradientKeys],
				&r.dq[i*b.widthB()+d*tileRows], nil, 0, 0, mode)
		}
	}
}

// storeQueries writes dq.
func (b *backward) storeQueries(u *gradientUnit, r *queryRows) {
	var factor [tileCols]float32
	for i := range factor {
		factor[i] = b.scale()
	}
	ok := scaleTile(r.dq[:r.rows*b.widthB()], &factor) == 0
	for row := range r.count {
		for group := range b.group() {
			head := u.head*b.group() + group
			dq := b.head(b.dx.Q, u.row+r.first+row, head)
			if !ok {
				b.exactQuery(u, r.first+row, head, dq)
				continue
			}
			i := b.index(row, group)
			panel := r.dq[i/tileRows*tileRows*b.widthB():]
			for d := 0; d < b.Dim; d += tileCols {
				copy(dq[d:min(d+tileCols, b.Dim)], panel[d*tileRows+i%tileRows*tileCols:][:tileCols])
			}
		}
	}
}
