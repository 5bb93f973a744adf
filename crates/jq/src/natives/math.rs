//! Functions of numbers.
//!
//! They are computed by `libm` and not by the platform, so that they give the same digits on
//! every machine.

use crate::fault::Outcome;
use crate::value::{Number, Value};

use super::{Native, unfit};

macro_rules! of_one {
    ($($name:literal $function:expr;)*) => {
        &[$(Native { name: $name, arity: 0, run: |_, value, _| {
            let function: fn(f64) -> f64 = $function;
            Ok(whole(function(double(&value)?)))
        } },)*]
    };
}

macro_rules! of_two {
    ($($name:literal $function:expr;)*) => {
        &[$(Native { name: $name, arity: 2, run: |_, _, [one, other, _]| {
            let function: fn(f64, f64) -> f64 = $function;
            Ok(whole(function(double(&one)?, double(&other)?)))
        } },)*]
    };
}

pub(super) const ONE: &[Native] = of_one! {
    "floor" libm::floor; "ceil" libm::ceil; "round" libm::round; "trunc" libm::trunc;
    "rint" libm::rint; "nearbyint" libm::rint; "fabs" libm::fabs; "sqrt" libm::sqrt;
    "cbrt" libm::cbrt; "sin" libm::sin; "cos" libm::cos; "tan" libm::tan; "asin" libm::asin;
    "acos" libm::acos; "atan" libm::atan; "sinh" libm::sinh; "cosh" libm::cosh; "tanh" libm::tanh;
    "asinh" libm::asinh; "acosh" libm::acosh; "atanh" libm::atanh; "exp" libm::exp;
    "exp2" libm::exp2; "exp10" libm::exp10; "pow10" libm::exp10; "expm1" libm::expm1;
    "log" libm::log; "log2" libm::log2; "log10" libm::log10; "log1p" libm::log1p;
    "gamma" libm::lgamma; "lgamma" libm::lgamma; "tgamma" libm::tgamma; "j0" libm::j0;
    "j1" libm::j1; "y0" libm::y0; "y1" libm::y1; "significand" significand; "logb" logb;
    "lgamma_r" libm::lgamma;
};

pub(super) const TWO: &[Native] = of_two! {
    "pow" libm::pow; "atan2" libm::atan2; "fmin" libm::fmin; "fmax" libm::fmax;
    "fmod" libm::fmod; "hypot" libm::hypot; "copysign" libm::copysign; "fdim" libm::fdim;
    "nextafter" libm::nextafter; "nexttoward" libm::nextafter; "drem" libm::remainder;
    "ldexp" scaled; "scalb" scaled; "scalbln" scaled;
};

pub(super) const OTHER: &[Native] = &[
    Native {
        name: "fma",
        arity: 3,
        run: |_, _, [one, other, third]| {
            Ok(whole(libm::fma(double(&one)?, double(&other)?, double(&third)?)))
        },
    },
    Native {
        name: "abs",
        arity: 0,
        run: |context, value, _| match &value {
            Value::Number(number) => {
                context.meter.text(number.digits())?;
                Ok(Value::Number(number.absolute()))
            }
            Value::String(_) => Ok(value),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                unfit(&value, "has no absolute value")
            }
        },
    },
    Native {
        name: "frexp",
        arity: 0,
        run: |_, value, _| {
            let (mantissa, exponent) = libm::frexp(double(&value)?);
            Ok(Value::array(vec![whole(mantissa), Value::from(i64::from(exponent))]))
        },
    },
    Native {
        name: "modf",
        arity: 0,
        run: |_, value, _| {
            let number = double(&value)?;
            let (fraction, rest) =
                if number.is_infinite() { (0.0, number) } else { libm::modf(number) };
            Ok(Value::array(vec![whole(fraction), whole(rest)]))
        },
    },
    Native { name: "infinite", arity: 0, run: |_, _, _| Ok(Value::from(f64::INFINITY)) },
    Native { name: "nan", arity: 0, run: |_, _, _| Ok(Value::from(f64::NAN)) },
    Native {
        name: "isinfinite",
        arity: 0,
        run: |_, value, _| Ok(Value::Bool(double(&value)?.is_infinite())),
    },
    Native {
        name: "isnan",
        arity: 0,
        run: |_, value, _| Ok(Value::Bool(double(&value)?.is_nan())),
    },
    Native {
        name: "isnormal",
        arity: 0,
        run: |_, value, _| Ok(Value::Bool(double(&value)?.is_normal())),
    },
];

fn double(value: &Value) -> Outcome<f64> {
    match value {
        Value::Number(number) => Ok(number.as_f64()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            unfit(value, "number required")
        }
    }
}

fn whole(value: f64) -> Value {
    Value::Number(Number::from_double(value))
}

/// The mantissa, from 1 to below 2.
fn significand(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    libm::frexp(value).0 * 2.0
}

/// The exponent that goes with [`significand`].
fn logb(value: f64) -> f64 {
    if value == 0.0 {
        return f64::NEG_INFINITY;
    }
    if !value.is_finite() {
        return value.abs();
    }
    f64::from(libm::frexp(value).1 - 1)
}

/// A number times a power of two. The conversion saturates.
fn scaled(value: f64, power: f64) -> f64 {
    libm::scalbn(value, power as i32)
}
