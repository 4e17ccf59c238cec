"""Who speaks when, by the sound of the voices."""

from vivavoce.engines.spectral.diarizer import SpectralDiarizer, SpectralOptions

__all__ = ["SpectralDiarizer", "SpectralOptions"]
