// Package scan reads text many bytes at a time: where a JSON string ends, what
// its escapes stand for, whether bytes are UTF-8, where a separator is.
//
// Each operation is a function from slices to slices or numbers, with one
// meaning and three ways to compute it:
//
//	tier               block     file
//	generic             8 bytes  the operation's own: stringend.go, utf8.go, ...
//	avx2               32 bytes  kernels_avx2_amd64.s
//	avx512, and above  64 bytes  kernels_avx512_amd64.s
//
// [smelt/compute/kernel/cpu.Active] is asked on each call, which costs a load;
// the results never depend on the answer. The generic form is compiled
// everywhere, and does what is too short for a block of AVX2. Tests hold every
// tier of the machine to the same definitions.
//
// The assembly is printed by the gen command next door, where each operation is
// written down once for both widths, and where the ideas are explained.
//
// # Blocks
//
// A vector compares every byte of a block at once, and the comparison becomes an
// integer with a bit a byte, on which the rest is arithmetic:
//
//	text     he said \"no\\\" and left", "n": 1
//	B        ........1...111...................  backslashes
//	E        .........1.....1..................  bytes after an odd number of them
//	Q        .........1.....1.........1..1.1...  quotes
//	Q &^ E   .........................1..1.1...  the first of these is the end
//
// The end comes after as many steps whatever is before it in the block: there is
// no branch to mispredict at each escape, which is what a loop over runs of plain
// text spends most of its time on. A call costs some 4 ns, so that a caller with
// texts of mostly less than 16 bytes looks at those itself first.
//
// # What is not here
//
// Line breaks: the standard library's bytes.IndexByte and bytes.Count use the same
// instructions.
//
// No function reads a byte outside the slices it is given: a block that would
// reach beyond the end is loaded under a mask (AVX-512) or moved back (AVX2). All
// run in time linear in the text, allocate nothing, and are safe for concurrent
// use.
package scan

//go:generate go run ./gen
