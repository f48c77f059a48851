package kernel

// Exp sets dst[i] to e to the power of src[i], with an error of at most 0.9 units
// in the last place (ulp), 1.2 in the portable form; a unit is 2^-149 where the
// result is denormal. Below -104 it is 0, also for -1e30 and minus infinity; above 88.7228394 it
// is plus infinity; of NaN it is NaN; Exp(0) is 1.
//
// With n = x/ln 2 rounded to an integer and r = x - n*ln 2, so that |r| <= 0.3467,
// it is 2^n e^r. The subtraction is in two steps (Cody and Waite, "Software Manual
// for the Elementary Functions", 1980): ln 2 is the sum of a number of 9 bits, of
// which n times is exact, and a small one. For e^r stands a polynomial of degree 6
// that begins 1 + r; the other coefficients make the largest relative error on the
// interval as small as can be (Remez): 3.1e-9, a twentieth of a unit in the last
// place. What remains is rounding: over all float32, 0.891 ulp was the largest
// error found with FMA, 1.176 without, against math.Exp in double precision.
func Exp(dst, src []float32) {
	src = prefix(src, len(dst))
	for from, to := range pieces(len(dst)) {
		exp(dst[from:to], src[from:to])
	}
}
