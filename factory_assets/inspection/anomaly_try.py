import numpy as np
from factory_assets.inspection import defect_training, segmentation as sg
from factory_assets.inspection.defect_training import Schedule
def train(training, validation, st, *, seed, on_epoch):
    ok=training.take(~training.is_defect); size=st.crop_px
    def sample(rng):
        f=[sg.drawn_crop(ok,int(p),size,rng) for p in rng.integers(len(ok),size=10)]+[sg.sound_crop(ok,int(p),size,rng) for p in rng.integers(len(ok),size=6)]
        return sg.batch(f,rng)
    return defect_training.train(sample,validation,Schedule(epochs=st.epochs),seed=seed,on_epoch=on_epoch)
