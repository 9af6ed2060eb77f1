//! Segmentation networks, losses, augmentation and training on Burn.
