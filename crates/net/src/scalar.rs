//! The number types a network can be trained and measured in.

use pulp::Simd;

/// f32 (to train and measure) or f64 (to verify, and on request).
pub trait Scalar:
    Copy
    + Send
    + Sync
    + Default
    + PartialOrd
    + std::fmt::Debug
    + bytemuck::Pod
    + num_traits::NumOps
    + num_traits::NumAssignOps
    + num_traits::ConstZero
    + num_traits::ConstOne
    + std::ops::Neg<Output = Self>
    + 'static
{
    /// The name in files: `F32` or `F64`.
    const NAME: &'static str;

    /// A vector register of `S`.
    type Register<S: Simd>: Copy;
    /// Which lanes of a register are in memory.
    type Mask<S: Simd>: Copy;

    /// The nearest value to `x`.
    fn from_f64(x: f64) -> Self;
    /// The same value in double precision.
    fn to_f64(self) -> f64;
    /// eˣ.
    fn exp(self) -> Self;
    /// log(1 + x).
    fn ln_1p(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// |x|.
    fn abs(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// Lanes of a register.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Register<S>>() / size_of::<Self>()
    }
    /// All lanes equal to `x`.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Register<S>;
    /// a·b + c, fused where the machine can.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S>;
    /// a + b.
    fn plus<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    /// The sum of the lanes.
    fn sum_lanes<S: Simd>(simd: S, a: Self::Register<S>) -> Self;
    /// The first `count` lanes (all of them when `count` is at least the lanes).
    fn first_lanes<S: Simd>(simd: S, count: usize) -> Self::Mask<S>;
    /// Loads a whole register.
    ///
    /// # Safety
    /// As many numbers as there are lanes must be readable from `from` on.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn load_all<S: Simd>(from: *const Self) -> Self::Register<S> {
        // SAFETY: the caller vouches for the lanes; a register is plain data of their number.
        unsafe { from.cast::<Self::Register<S>>().read_unaligned() }
    }
    /// Stores a whole register.
    ///
    /// # Safety
    /// As many numbers as there are lanes must be writable from `to` on.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn store_all<S: Simd>(to: *mut Self, value: Self::Register<S>) {
        // SAFETY: as for `load_all`.
        unsafe { to.cast::<Self::Register<S>>().write_unaligned(value) }
    }
    /// Loads the masked lanes; the others are 0.
    ///
    /// # Safety
    /// The masked lanes from `from` on must be readable.
    #[allow(unsafe_code)]
    unsafe fn load<S: Simd>(simd: S, mask: Self::Mask<S>, from: *const Self) -> Self::Register<S>;
    /// Stores the masked lanes.
    ///
    /// # Safety
    /// The masked lanes from `to` on must be writable.
    #[allow(unsafe_code)]
    unsafe fn store<S: Simd>(simd: S, mask: Self::Mask<S>, to: *mut Self, value: Self::Register<S>);
}

/// Functions that the type has under the same name.
macro_rules! functions {
    ($($function:ident),*) => {
        $(
            #[inline(always)]
            fn $function(self) -> Self {
                self.$function()
            }
        )*
    };
}

macro_rules! scalar {
    ($t:ty, $name:literal, $word:ty, $register:ident, $mask:ident, $splat:ident, $fma:ident, $add:ident,
     $sum:ident, $between:ident, $load:ident, $store:ident, $erf:path) => {
        impl Scalar for $t {
            const NAME: &'static str = $name;
            type Register<S: Simd> = S::$register;
            type Mask<S: Simd> = pulp::MemMask<S::$mask>;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as Self
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            functions!(exp, ln_1p, ln, tanh, abs, sqrt);
            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$register {
                simd.$splat(x)
            }
            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                a: S::$register,
                b: S::$register,
                c: S::$register,
            ) -> S::$register {
                simd.$fma(a, b, c)
            }
            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$register, b: S::$register) -> S::$register {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn sum_lanes<S: Simd>(simd: S, a: S::$register) -> Self {
                simd.$sum(a)
            }
            #[inline(always)]
            fn first_lanes<S: Simd>(simd: S, count: usize) -> Self::Mask<S> {
                // As it is, `pulp` reaches memory through it by a jump into a table.
                pulp::MemMask::new(simd.$between(0, count.min(Self::lanes::<S>()) as $word).mask())
            }
            #[inline(always)]
            #[allow(unsafe_code)]
            unsafe fn load<S: Simd>(
                simd: S,
                mask: Self::Mask<S>,
                from: *const Self,
            ) -> S::$register {
                // SAFETY: the caller vouches for the masked lanes.
                unsafe { simd.$load(mask, from) }
            }
            #[inline(always)]
            #[allow(unsafe_code)]
            unsafe fn store<S: Simd>(
                simd: S,
                mask: Self::Mask<S>,
                to: *mut Self,
                value: S::$register,
            ) {
                // SAFETY: the caller vouches for the masked lanes.
                unsafe { simd.$store(mask, to, value) }
            }
        }
    };
}

scalar!(
    f32,
    "F32",
    u32,
    f32s,
    m32s,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    reduce_sum_f32s,
    mask_between_m32s,
    mask_load_ptr_f32s,
    mask_store_ptr_f32s,
    libm::erff
);
scalar!(
    f64,
    "F64",
    u64,
    f64s,
    m64s,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    reduce_sum_f64s,
    mask_between_m64s,
    mask_load_ptr_f64s,
    mask_store_ptr_f64s,
    libm::erf
);
