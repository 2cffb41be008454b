//! The matrices of a point by the names that the protocol gives them.

use minimascope_curvature::Matrix;

pub(crate) const MATRICES: [(Matrix, &str); 4] = [
    (Matrix::Hessian, "hessian"),
    (Matrix::GaussNewton, "gauss-newton"),
    (Matrix::SecondMoment, "second-moment"),
    (Matrix::Variance, "variance"),
];

pub(crate) fn name_of(matrix: Matrix) -> &'static str {
    MATRICES.iter().find(|(known, _)| *known == matrix).map_or("", |(_, name)| name)
}

/// The matrix of a name; `None` for a name that is no matrix.
pub(crate) fn of_name(name: &str) -> Option<Matrix> {
    MATRICES.iter().find(|(_, known)| *known == name).map(|(matrix, _)| *matrix)
}
