package main

// What makes memory deliver weights as fast as it can, measured on Zen 5 with pages of
// 4096 bytes: they are read in the order they are stored in, a row at a time; each line
// is asked for two pages before it is needed, and each page is touched still earlier,
// for to look up where it is takes longer than to fetch the line. Processors look ahead
// by themselves, but hardly across pages. Lines that are used once shall not take the
// place of the vector's in the innermost cache. Nothing happens at addresses that are
// not there.
const (
	ahead      = 8192
	pagesAhead = 65536
)

// prefetch asks for the line of the weights ahead of those at offset(SI).
func (f *function) prefetch(offset int) { f.Do("PREFETCHNTA %d(SI)", ahead+offset) }

// eachRow writes the loop over rows and the function's end. Row adds the products of
// the row at SI to some sums, V0 and up, and leaves SI at the next row.
func (f *function) eachRow(sums int, row func()) {
	f.Do("LEAQ %d(SI), R13", pagesAhead)
	f.Label("row")
	f.Do(`SUBQ $1, R8
		JLT end`)
	for i := range sums {
		f.Do("VXORPS X%[1]d, X%[1]d, X%[1]d", i)
	}
	f.Do("LEAQ %d(SI), R12", pagesAhead)
	f.Label("page")
	f.Do(`CMPQ R13, R12
		JHI touched
		PREFETCHT0 (R13)
		ADDQ $4096, R13
		JMP page`)
	f.Label("touched")
	row()
	for n := sums; n > 1; n = (n + 1) / 2 {
		for i := (n + 1) / 2; i < n; i++ {
			f.Do("VADDPS V%[1]d, V%[2]d, V%[2]d", i, i-(n+1)/2)
		}
	}
	f.Fold("VADDPS", 0, 1)
	f.Do(`VMOVSS X0, (DI)
		ADDQ $4, DI
		JMP row`)
	f.Label("end")
	f.Return()
}
