//! Models, losses, derivative passes, optimisers and the training loop.
